// Runs serverless-offline-sns on 127.0.0.1:PORT until it is killed. It is a plugin of the Serverless framework, of which it
// needs no more than this. Modules are found in NODE_PATH, which import itself does not look at.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const file = join(process.env.NODE_PATH, 'serverless-offline-sns', 'dist', 'index.js');
const { default: ServerlessOfflineSns } = await import(pathToFileURL(file));
await new ServerlessOfflineSns({
  config: {},
  cli: { log() {} },
  service: {
    service: 'judge',
    provider: { region: 'us-east-1' },
    custom: { 'serverless-offline-sns': { port: Number(process.env.PORT), autoSubscribe: false } },
    functions: {},
  },
}).start();
