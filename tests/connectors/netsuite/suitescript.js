// Runs a script of the feed under node with the few modules of NetSuite that it uses.
// Standard input says what is saved; standard output tells what was posted and kept.
const fs = require('fs');
const path = require('path');
const nodeCrypto = require('crypto');

const asked = JSON.parse(fs.readFileSync(0, 'utf8'));
const told = { posts: [], kept: asked.kept || [], errors: [] };
let serial = 0;

const saved = (given) => given && {
  id: given.id,
  type: given.type,
  getValue: ({ fieldId }) => (given.fields || {})[fieldId] || '',
  getLineCount: ({ sublistId }) => ((given.lists || {})[sublistId] || { length: -1 }).length,
  getSublistValue: ({ sublistId, fieldId, line }) => given.lists[sublistId][line][fieldId] || '',
};
const modules = {
  'N/https': {
    post: (request) => {
      told.posts.push(request);
      const answer = asked.answers.length > 1 ? asked.answers.shift() : asked.answers[0];
      if (typeof answer === 'string') throw new Error(answer);
      return { code: answer };
    },
  },
  'N/crypto': {
    HashAlg: { SHA256: 'sha256' },
    createSecretKey: ({ secret }) => asked.secrets[secret],
    createHmac: ({ algorithm, key }) => {
      const hmac = nodeCrypto.createHmac(algorithm, key);
      return {
        update: ({ input }) => hmac.update(input, 'utf8'),
        digest: () => hmac.digest('hex').toUpperCase(),
      };
    },
  },
  'N/crypto/random': { generateUUID: () => `uuid-${serial += 1}` },
  'N/encode': { Encoding: { UTF_8: 'utf8', HEX: 'hex' } },
  'N/log': { error: (line) => told.errors.push(line) },
  'N/record': {
    create: () => ({
      setValue: ({ value }) => { modules.body = value; },
      save: () => told.kept.push(modules.body),
    }),
    delete: ({ id }) => { told.kept = told.kept.filter((_, at) => at !== id - modules.gone); modules.gone += 1; },
  },
  'N/runtime': {
    accountId: asked.account,
    getCurrentScript: () => ({ getParameter: () => asked.url, getRemainingUsage: () => 5000 }),
  },
  'N/search': {
    Sort: { ASC: 'ASC' },
    createColumn: (column) => column,
    create: () => ({
      run: () => ({
        getRange: ({ end }) => {
          modules.gone = 0;
          return told.kept.slice(0, end).map((body, id) => ({ id, getValue: () => body }));
        },
      }),
    }),
  },
};
const load = (file) => {
  let made;
  global.define = (names, make) => {
    const given = names.map((name) => (name.startsWith('./') ? load(`${name.slice(2)}.js`) : modules[name]));
    made = make(...given);
  };
  const text = fs.readFileSync(path.join(asked.folder, file), 'utf8');
  new Function('define', text)(global.define);
  return made;
};
const script = load(asked.script);
if (asked.script.includes('schedule')) script.execute();
else {
  script.afterSubmit({
    type: asked.type,
    UserEventType: { DELETE: 'delete' },
    newRecord: saved(asked.newRecord),
    oldRecord: saved(asked.oldRecord),
  });
}
process.stdout.write(JSON.stringify(told));
