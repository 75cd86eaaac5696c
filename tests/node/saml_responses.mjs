// Responses by the npm package samlp: each line asks for one, with the options that it is to be made with.

import { createInterface } from "node:readline";
import samlp from "samlp";

const common = JSON.parse(process.argv[2]);

function profileMapper(user) {
  return {
    getClaims: () => user.attributes,
    getNameIdentifier: () => ({ nameIdentifier: user.name, nameIdentifierFormat: user.format }),
  };
}

console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin })) {
  const { user, options } = JSON.parse(line);
  samlp.getSamlResponse({ ...common, ...options, profileMapper }, user, (error, response) => {
    console.log(JSON.stringify(error ? { error: String(error) } : { response }));
  });
}
