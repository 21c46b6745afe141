// Times Orderly's liqPrice on the account given on standard input, every position in turn.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { library, positions, ...account } = JSON.parse(readFileSync(0, "utf8"));
const { positions: formulas } = createRequire(import.meta.url)(library);

const rated = positions.map((position) => ({
  ...position,
  mmr: formulas.MMR({
    ...account,
    positionNotional: position.position_qty * position.mark_price,
    IMR_factor_power: 0.8,
  }),
}));

function price(position) {
  return formulas.liqPrice({
    ...account,
    symbol: position.symbol,
    markPrice: position.mark_price,
    positionQty: position.position_qty,
    MMR: position.mmr,
    costPosition: position.position_qty * position.mark_price,
    positions: rated,
  });
}

function secondsPerPrice(accounts) {
  const start = process.cpuUsage();
  for (let index = 0; index < accounts; index += 1) rated.forEach(price);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6 / (accounts * rated.length);
}

if (!rated.every((position) => Number.isFinite(price(position)))) throw new Error("a price is missing");
secondsPerPrice(20);
process.stdout.write(JSON.stringify({ secondsPerPrice: secondsPerPrice(20) }));
