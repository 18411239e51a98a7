// Runs the public GraphQL-over-HTTP audits against a server of its own; every audit must pass, the optional ones too.
//
// Usage: node audit.mjs PATH-OF-THE-PROGRAM

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { serverAudits } from 'graphql-http';

// Fewer mean that the suite did not load as it should.
const LEAST = 61;

const program = process.argv[2] && resolve(process.argv[2]);
if (!program) {
  console.error('usage: node audit.mjs PATH-OF-THE-PROGRAM');
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'connectors-audit-'));
const server = spawn(
  program,
  ['serve', '--dev', '--bind', '127.0.0.1:0', '--format', 'json', '--database', join(folder, 'audit.db')],
  { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
);
const ended = new Promise((done) => server.once('close', done));

try {
  const address = await listening();
  const audits = serverAudits({ url: `http://${address}/graphql` });
  let passed = 0;
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status === 'ok') {
      passed += 1;
    } else {
      console.error(`${result.status}: ${audit.name}: ${result.reason}`);
    }
  }
  console.log(`${passed} of ${audits.length} audits passed`);
  process.exitCode = passed === audits.length && audits.length >= LEAST ? 0 : 1;
} finally {
  server.kill();
  await ended;
  await rm(folder, { recursive: true });
}

// The address in the first line of JSON that the server prints.
async function listening() {
  for await (const line of createInterface({ input: server.stdout })) {
    return JSON.parse(line).listening;
  }
  throw new Error('the server ended before it listened');
}
