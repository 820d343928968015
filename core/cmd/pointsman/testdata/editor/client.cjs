// An editor's side of the Language Server Protocol, by the library that Visual Studio Code uses. It prints what a user would see.
const { spawn } = require('child_process');
const { pathToFileURL } = require('url');
const path = require('path');
const lsp = require('vscode-languageserver-protocol/node');

const [program, folder] = process.argv.slice(2);
const server = spawn(program, ['lsp', '--plugins-dir', path.join(folder, 'bin')], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
const c = lsp.createProtocolConnection(new lsp.StreamMessageReader(server.stdout), new lsp.StreamMessageWriter(server.stdin));
const uri = pathToFileURL(path.join(folder, 'rules.hcl')).href;

const waiting = [];
c.onNotification(lsp.PublishDiagnosticsNotification.type, (p) => {
  for (const w of [...waiting]) if (p.uri === uri && w.ok(p.diagnostics)) { waiting.splice(waiting.indexOf(w), 1); w.done(p.diagnostics); }
});
const diagnostics = (ok) => new Promise((done) => waiting.push({ ok, done }));

const rule = (field, argument) => `rule "big" {
  on   = ["store"]
  when = event.data.object.${field} > 10 * mb

  dispatch "ops" {
    ${argument} = "A big object: \${event.data.object.key}"
  }
}
`;
const at = (text, what, more) => {
  const before = text.slice(0, text.indexOf(what) + what.length + (more || 0)).split('\n');
  return { textDocument: { uri }, position: { line: before.length - 1, character: before[before.length - 1].length } };
};
let version = 0;
const change = (text) => c.sendNotification(lsp.DidChangeTextDocumentNotification.type, { textDocument: { uri, version: ++version }, contentChanges: [{ text }] });
const labels = (list) => list.items.map((i) => i.label).sort().join(' ');

(async () => {
  c.listen();
  const hello = await c.sendRequest(lsp.InitializeRequest.type, { processId: process.pid, rootUri: pathToFileURL(folder).href, capabilities: {} });
  console.log('server:', hello.serverInfo.name);
  await c.sendNotification(lsp.InitializedNotification.type, {});

  let text = rule('sizee', 'text');
  let shown = diagnostics((d) => d.length > 0);
  await c.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: { uri, languageId: 'pointsman', version, text } });
  for (const d of await shown) console.log(`diagnostic at ${d.range.start.line}:${d.range.start.character}: ${d.message}`);

  shown = diagnostics((d) => d.some((m) => m.message.includes('txt')));
  await change(text = rule('size', 'txt'));
  for (const d of await shown) console.log(`diagnostic at ${d.range.start.line}:${d.range.start.character}: ${d.message}`);

  shown = diagnostics((d) => d.length === 0);
  await change(text = rule('size', 'text'));
  await shown;
  console.log('no diagnostics');

  console.log('fields:', labels(await c.sendRequest(lsp.CompletionRequest.type, at(text, 'event.data.object.'))));
  console.log('sources:', labels(await c.sendRequest(lsp.CompletionRequest.type, at(text, 'on   = ["'))));
  console.log('hover:', (await c.sendRequest(lsp.HoverRequest.type, at(text, 'object.si'))).contents.value.replace(/\s+/g, ' '));
  console.log('hover:', (await c.sendRequest(lsp.HoverRequest.type, at(text, '    te'))).contents.value.replace(/\s+/g, ' '));
  const d = await c.sendRequest(lsp.DefinitionRequest.type, at(text, 'dispatch "o'));
  console.log('definition:', path.basename(d.uri), d.range.start.line);

  await c.sendRequest(lsp.ShutdownRequest.type);
  await c.sendNotification(lsp.ExitNotification.type);
  server.on('exit', (code) => { console.log('exit code', code); process.exit(0); });
})().catch((e) => { console.error(e); process.exit(1); });
