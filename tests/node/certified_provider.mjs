// npm's `oidc-provider`, certified by the OpenID Foundation, which gives tokens by the client credentials
// grant over TLS. Its settings are the one argument; it says {"ready": true} once it listens.

import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const settings = JSON.parse(process.argv[2]);
const api = settings.audience;

const provider = new Provider(settings.issuer, {
  jwks: { keys: settings.keys },
  clients: [
    {
      client_id: 'ci',
      client_secret: settings.secret,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'assume',
        audience: api,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  extraTokenClaims: () => ({ 'https://aws.amazon.com/source_identity': 'ci' }),
});

const server = createServer({ cert: settings.cert, key: settings.key }, provider.callback());
server.listen(settings.port, '127.0.0.1', () => {
  console.log(JSON.stringify({ ready: true }));
});
