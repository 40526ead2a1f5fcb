// `node bench/run.ts [names]` measures against bare servers, on the embedded family;
// `node bench/run.ts --families [names]` both families side by side. The exit code is 1 when an aim
// is missed.
import { AGAINST_BARE } from './against-bare.ts';
import { openFamilies } from './families.ts';
import { show, type Row } from './table.ts';

const [mode, ...others] = process.argv.slice(2);
const byFamily = mode === '--families';
const wanted = byFamily ? others : process.argv.slice(2);
const families = byFamily ? await openFamilies() : undefined;
const benches: Record<string, () => Promise<Row[]>> = families?.benches ?? AGAINST_BARE;
const columns = byFamily
  ? 'what | embedded | servers | servers ÷ embedded'
  : 'what | Sallyport | bare | value';

console.log(`| ${columns} | aim | |\n|---|---|---|---|---|---|`);
let failed = 0;
try {
  for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
    const bench = benches[name];
    if (bench === undefined) throw new Error(`no such benchmark: ${name}`);
    for (const row of await bench()) if (!show(row)) failed += 1;
  }
} finally {
  await families?.close();
}
process.exitCode = failed > 0 ? 1 : 0;
