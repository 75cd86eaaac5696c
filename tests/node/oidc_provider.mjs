// A certified provider of OpenID Connect, the npm package oidc-provider: whoever gives a name is signed in.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const settings = JSON.parse(process.argv[2]);
const server = createServer();
await new Promise((resolve) => server.listen(settings.port ?? 0, "127.0.0.1", resolve));
const issuer = `http://localhost:${server.address().port}`;

let provider;
function start({ clients, claims = {} }) {
  provider = new Provider(issuer, {
    clients,
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@example.com`, ...(claims[id] ?? {}) }),
    }),
  });
  const callback = provider.callback();
  server.removeAllListeners("request");
  server.on("request", callback);
}
start(settings);
console.log(JSON.stringify({ issuer }));

for await (const line of createInterface({ input: process.stdin })) {
  start(JSON.parse(line));
  console.log(JSON.stringify({ issuer }));
}
process.exit(0);
