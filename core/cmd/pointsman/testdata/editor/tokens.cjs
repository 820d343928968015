// Tokenises a file with the engine of Visual Studio Code, and prints every token that has a scope of its own.
const fs = require('fs');
const path = require('path');
const oniguruma = require('vscode-oniguruma');
const { Registry, parseRawGrammar, INITIAL } = require('vscode-textmate');

const [grammarFile, file] = process.argv.slice(2);
(async () => {
  await oniguruma.loadWASM(fs.readFileSync(path.join(path.dirname(require.resolve('vscode-oniguruma')), 'onig.wasm')).buffer);
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner: (p) => new oniguruma.OnigScanner(p), createOnigString: (s) => new oniguruma.OnigString(s) }),
    loadGrammar: async () => parseRawGrammar(fs.readFileSync(grammarFile, 'utf8'), grammarFile),
  });
  const grammar = await registry.loadGrammar('source.pointsman');
  let stack = INITIAL;
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const result = grammar.tokenizeLine(line, stack);
    stack = result.ruleStack;
    for (const t of result.tokens) {
      const scopes = t.scopes.slice(1).map((s) => s.replace(/\.pointsman$/, ''));
      const text = line.slice(t.startIndex, t.endIndex).trim();
      if (text && scopes.length) console.log(`${text}\t${scopes.join(' ')}`);
    }
  }
})().catch((e) => { console.error(e); process.exit(1); });
