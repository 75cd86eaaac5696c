// An identity provider of SAML 2.0, by the npm package samlp: whoever is named in the address is signed in.

import { createServer } from "node:http";
import samlp from "samlp";

const settings = JSON.parse(process.argv[2]);

class Profile {
  constructor(user) {
    this.user = user;
  }
  getClaims() {
    return this.user.attributes;
  }
  getNameIdentifier() {
    return {
      nameIdentifier: this.user.name,
      nameIdentifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    };
  }
}
// Called as a function, and looked at as a class.
function profileMapper(user) {
  return new Profile(user);
}
profileMapper.prototype.metadata = [];
const { issuer, cert, key, acs, users } = settings;
const options = { issuer, cert, key, profileMapper, audience: "urn:amazon:webservices", recipient: acs };
const auth = samlp.auth({
  ...options,
  destination: acs,
  lifetimeInSeconds: 300,
  getUserFromRequest: (request) => users[request.query.user],
  getPostURL: (_audience, _document, _request, callback) => callback(null, acs),
});
const metadata = samlp.metadata({ ...options, redirectEndpointPath: "/login", postEndpointPath: "/login" });

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  request.query = Object.fromEntries(url.searchParams);
  request.originalUrl = request.url;
  request.protocol = "http";
  response.set = (name, value) => response.setHeader(name, value);
  response.send = (body) => {
    if (typeof body === "number") {
      response.statusCode = body;
    }
    response.end(String(body));
  };
  const failed = (error) => {
    response.statusCode = 500;
    response.end(String(error));
  };
  (url.pathname === "/metadata" ? metadata : auth)(request, response, failed);
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://localhost:${server.address().port}` }));
});
