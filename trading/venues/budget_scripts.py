"""The scripts of ``trading.venues.budget``: what ``trading.venues.ledger`` decides, decided inside Redis.

KEYS: the gate, then log, total and what was put back of each meter. A log is a sorted set of "request:weight" by the
millisecond at which it drops out; the total is what it sums up to. ARGV[1] is a time for tests, else empty.

A gate has a name of its own from its birth on. Where somebody knows it by another one, Redis has lost what the meters
held when he asked last; he tells, and the most that anybody tells is put back until all of it must have dropped out.
The same goes for a silence that the venue ordered. Nobody is held back by a gate that is only new.
"""

COMMON = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local meters = (#KEYS - 1) / 3
local function text(number) return string.format('%.17g', number) end
local function weight_of(member) return tonumber(string.match(member, ':(%d+)$')) end
local function prune(log, total)
  local gone = redis.call('ZRANGEBYSCORE', log, '-inf', now)
  local used = tonumber(redis.call('GET', total) or '0')
  if #gone == 0 then return used end
  for _, member in ipairs(gone) do used = used - weight_of(member) end
  redis.call('ZREMRANGEBYSCORE', log, '-inf', now)
  redis.call('SET', total, used, 'KEEPTTL')
  return used
end
local function count(log, total, member, weight, until_then, longest)
  redis.call('ZADD', log, text(until_then), member .. ':' .. weight)
  redis.call('INCRBY', total, weight)
  redis.call('PEXPIRE', log, math.ceil(longest))
  redis.call('PEXPIRE', total, math.ceil(longest))
end
local gate = redis.call('HMGET', KEYS[1], 'until', 'ordered', 'strikes', 'born')
local closed_until, is_ordered = tonumber(gate[1] or '0') or 0, gate[2] == '1'
local function close(is_told)
  is_ordered = is_told
  redis.call('HSET', KEYS[1], 'until', text(closed_until), 'ordered', is_told and '1' or '0')
end
local function keep_gate(pause)
  redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(closed_until - now, 0) + 10 * pause))
end
"""

# ARGV: time, request, 1 for a command, ms under way, ms of the longest pause, a name for the gate in case it is new, ms
# for which a silence that we know of still lasts; then of each meter: ceiling, window in ms, weight, the use of the
# first meter beyond which the ceiling holds, the commands' ceiling, what is kept for them (0: nothing), the gate's name
# as we know it, what the meter held then, and the ms until that has dropped out. Answers the ms to wait (0 where the
# request is let through), the gate's name, the ms for which the venue ordered silence, and what is used of each meter.
TAKE = (
    COMMON
    + """
local FIELDS, BEFORE = 9, 7
local under_way, silence = tonumber(ARGV[4]), tonumber(ARGV[7])
local born = gate[4] or ARGV[6]
if not gate[4] then redis.call('HSET', KEYS[1], 'born', born) end
if silence > 0 and not (is_ordered and closed_until > now) then
  closed_until = now + silence
  close(true)
end
keep_gate(ARGV[5])
local function put_back(log, total, kept_at, known_born, known_used, drops_in)
  if known_born == '' or known_born == born or drops_in <= 0 then return end
  local before = redis.call('HMGET', kept_at, 'used', 'until')
  local most = math.max(known_used, tonumber(before[1] or '0') or 0)
  local last = math.max(now + drops_in, tonumber(before[2] or '0') or 0)
  if before[1] and redis.call('ZREM', log, 'lost:' .. before[1]) == 1 then redis.call('DECRBY', total, before[1]) end
  count(log, total, 'lost', most, last, last - now + under_way + 1000)
  redis.call('HSET', kept_at, 'used', most, 'until', text(last))
  redis.call('PEXPIRE', kept_at, math.ceil(last - now))
end
-- By when they drop out, until they are enough; by the hundred, for a log may be long.
local function each(log, is_enough)
  local from = 0
  while true do
    local rows = redis.call('ZRANGE', log, from, from + 99, 'WITHSCORES')
    for row = 1, #rows, 2 do
      if is_enough(tonumber(rows[row + 1]), weight_of(rows[row])) then return end
    end
    if #rows < 200 then return end
    from = from + 100
  end
end
local function free_at(log, excess)
  local found
  each(log, function(drops_out, weight)
    excess = excess - weight
    if excess <= 0 then found = drops_out end
    return found
  end)
  return found
end
local function wait_for_commands(log, room, kept, window)
  local longest = 0
  each(log, function(drops_out, weight)
    if room >= kept then return true end
    longest = math.max(longest, drops_out - now - room * window / kept)
    room = room + weight
  end)
  return longest
end
local wait, used, first = 0, {}, 0
if closed_until > now and (is_ordered or ARGV[3] == '0') then wait = closed_until - now end
for place = 1, meters do
  local log, total, kept_at = unpack(KEYS, place * 3 - 1, place * 3 + 1)
  local told = {}
  for field = 1, FIELDS do told[field] = ARGV[BEFORE + (place - 1) * FIELDS + field] end
  local ceiling, window, weight, above, commands, kept = tonumber(told[1]), tonumber(told[2]), tonumber(told[3]),
    tonumber(told[4]), tonumber(told[5]), tonumber(told[6])
  put_back(log, total, kept_at, told[7], tonumber(told[8]), tonumber(told[9]))
  used[place] = prune(log, total)
  if place == 1 then first = used[1] + weight end
  local excess = used[place] + weight - ceiling
  if excess > 0 and first > above then wait = math.max(wait, (free_at(log, excess) or now + window) - now) end
  if kept > 0 then wait = math.max(wait, wait_for_commands(log, commands - used[place] - weight, kept, window)) end
end
for place = 1, meters do
  if wait > 0 then break end
  local at = BEFORE + (place - 1) * FIELDS
  local window, weight = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local longest = under_way + window
  count(KEYS[place * 3 - 1], KEYS[place * 3], ARGV[2], weight, now + longest, longest + 1000)
  used[place] = used[place] + weight
end
return { text(wait), born, text(is_ordered and math.max(0, closed_until - now) or 0), unpack(used) }
"""
)

# ARGV: time, request, "ok", "slow" or the ms of the venue's own order, ms of the first and of the longest pause,
# jitter, ms under way; then window in ms, weight, weight with what the answer's size costs, and the venue's own count
# (or nothing) of each meter.
SETTLE = (
    COMMON
    + """
local under_way = tonumber(ARGV[7])
for place = 1, meters do
  local log, total = KEYS[place * 3 - 1], KEYS[place * 3]
  local window = tonumber(ARGV[place * 4 + 4])
  local weight, whole, reported = unpack(ARGV, place * 4 + 5, place * 4 + 7)
  prune(log, total)
  local longest = under_way + window + 1000
  if redis.call('ZREM', log, ARGV[2] .. ':' .. weight) == 1 then redis.call('DECRBY', total, weight) end
  count(log, total, ARGV[2], whole, now + window, longest)
  if reported ~= '' then
    local ours = 0
    local since = text(now - now % window + window)
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', log, since, '+inf')) do ours = ours + weight_of(member) end
    local others = tonumber(reported) - ours
    if others > 0 then count(log, total, 'others ' .. text(now), others, now + window, longest) end
  end
end
local strikes = tonumber(gate[3] or '0') or 0
if ARGV[3] == 'ok' then
  if strikes > 0 and closed_until <= now then redis.call('HSET', KEYS[1], 'strikes', 0) end
  return
end
local ordered = tonumber(ARGV[3])
if ordered then
  closed_until = math.max(closed_until, now + ordered)
  close(true)
elseif closed_until <= now then
  strikes = strikes + 1
  closed_until = now + math.min(tonumber(ARGV[5]), ARGV[4] * 2 ^ (strikes - 1)) * ARGV[6]
  redis.call('HSET', KEYS[1], 'strikes', strikes)
  close(false)
end
keep_gate(ARGV[5])
"""
)

# Answers the ms for which the gate is closed, whether the venue ordered it, and what is used of each meter.
STATE = (
    COMMON
    + """
local answer = { text(math.max(0, closed_until - now)), is_ordered and 1 or 0 }
for place = 1, meters do answer[place + 2] = prune(KEYS[place * 3 - 1], KEYS[place * 3]) end
return answer
"""
)
