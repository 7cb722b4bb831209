// An identity provider on loopback, made of the npm package oidc-provider: provider.js MODULES REDIRECT_URI.
// Prints its issuer when it listens, and ends with its standard input. Anybody signs in with any password.
//
// POST /test/people  {"ines": {"name": "Ines Amaro", "groups": ["credit-risk"]}}
// POST /test/sign    {"key": "job", "claims": {}}   answers with a token that says so, signed with that key
// POST /test/ahead   {"seconds": 960}   puts its clock ahead

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [modules, redirect] = process.argv.slice(2);
const jose = await import(pathToFileURL(`${modules}/node_modules/jose/dist/webapi/index.js`));
const { Provider } = await import(pathToFileURL(`${modules}/node_modules/oidc-provider/lib/index.js`));

const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead * 1000;
let people = {};

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

// Keys that jobs' tokens are signed with: one that the provider publishes, and one that it does not.
const keys = {};
for (const name of ["job", "stranger"]) {
  const pair = await jose.generateKeyPair("RS256", { extractable: true });
  keys[name] = { key: pair.privateKey, jwk: { ...(await jose.exportJWK(pair.privateKey)), kid: name, alg: "RS256", use: "sig" } };
}

function sign({ key, claims }) {
  return new jose.SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: key, typ: "JWT" }).sign(keys[key].key);
}

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "plimsoll", client_secret: "a secret & more: xy%+", redirect_uris: [redirect] }],
    jwks: { keys: [keys.job.jwk] },
    scopes: ["openid", "profile", "groups"],
    claims: { openid: ["sub"], profile: ["name", "preferred_username"], groups: ["groups"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["for tests alone"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: `subject-of-${id}`, preferred_username: id, ...people[id] }),
    }),
  });
  const serve = provider.callback();
  server.on("request", async (request, response) => {
    if (request.url === "/test/people") people = await body(request);
    else if (request.url === "/test/ahead") ahead = (await body(request)).seconds;
    else if (request.url === "/test/sign") return response.end(await sign(await body(request)));
    else return serve(request, response);
    response.writeHead(204).end();
  });
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit(0));
