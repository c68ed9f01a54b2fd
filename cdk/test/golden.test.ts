/** One snapshot an example: a change of what is deployed is a visible diff. UPDATE_GOLDEN=1 writes them anew. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { EXAMPLES, example, ROOT } from './support';

for (const name of EXAMPLES) {
  test(`${name}: the templates are those of test/golden`, () => {
    const file = join(ROOT, 'test', 'golden', `${name}.json`);
    const text = `${JSON.stringify(example(name).templates, null, 1)}\n`;
    if (process.env['UPDATE_GOLDEN']) writeFileSync(file, text);
    const golden = JSON.parse(readFileSync(file, 'utf8')) as object;
    assert.deepEqual(JSON.parse(text), golden, 'look at the difference; if it is wanted, npm run golden');
  });
}
