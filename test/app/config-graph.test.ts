import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { problemsOf } from './config-problems.ts';

const TENANT = '84BD8158-6d4d-4958-8b9f-9d6445542f95';

describe('the application at Microsoft Entra', () => {
  it('is named by GUIDs, in lower case', () => {
    const { graph } = readConfig({ GRAPH_TENANT_ID: TENANT, GRAPH_CLIENT_ID: TENANT });
    expect([graph.tenantId, graph.clientId]).toEqual([TENANT.toLowerCase(), TENANT.toLowerCase()]);
  });

  it.each(['contoso.onmicrosoft.com', 'Contoso.com', 'xn--bcher-kva.example'])(
    'may be of the tenant %s',
    (GRAPH_TENANT_ID) => {
      const { graph } = readConfig({ GRAPH_TENANT_ID });
      expect(graph.tenantId).toBe(GRAPH_TENANT_ID.toLowerCase());
    },
  );

  it.each([
    ['no GUID', 'not-a-guid'],
    ['many tenants', 'common'],
    ['many organizations', 'organizations'],
    ['braces', `{${TENANT}}`],
    ['a digit too few', TENANT.slice(1)],
    ['a path', 'contoso.com/v2.0'],
    ['a way out of it', '..'],
    ['a URL', 'https://contoso.com'],
    ['an address', '10.0.0.1'],
    ['a name of no length', `${'a.'.repeat(130)}com`],
  ])('cannot be of a tenant that is %s', (_what, GRAPH_TENANT_ID) => {
    expect(problemsOf({ GRAPH_TENANT_ID })).toEqual([
      expect.stringMatching(/^ {2}GRAPH_TENANT_ID must be a GUID, or a domain of the tenant/),
    ]);
  });

  it.each(['not-a-guid', 'contoso.com', `${TENANT}0`])('cannot be %s', (GRAPH_CLIENT_ID) => {
    expect(problemsOf({ GRAPH_CLIENT_ID })).toEqual([
      '  GRAPH_CLIENT_ID must be a GUID, such as 01234567-89ab-cdef-0123-456789abcdef',
    ]);
  });
});

describe('where Graph and its login are', () => {
  it.each([
    ['https://graph.microsoft.us', 'https://graph.microsoft.us'],
    ['https://Graph.example:8443/', 'https://graph.example:8443'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
    ['http://localhost:4000/', 'http://localhost:4000'],
    ['http://[::1]:4000', 'http://[::1]:4000'],
  ])('may be %s', (given, origin) => {
    const urls = { GRAPH_BASE_URL: given, GRAPH_LOGIN_URL: given, GRAPH_CLOUD: 'china' };
    expect(readConfig(urls).graph).toMatchObject({
      cloud: 'china',
      baseUrl: origin,
      loginUrl: origin,
    });
  });

  it.each([
    'graph.microsoft.com',
    'https://graph.microsoft.com/v1.0',
    'https://graph.microsoft.com/v1.0/',
    'https://graph.microsoft.com//',
    'https://graph.microsoft.com/?planted=1',
    'https://graph.microsoft.com?',
    'https://graph.microsoft.com/#',
    'https://user:planted@graph.microsoft.com',
    'http://graph.microsoft.com',
    'http://localhost.planted.example',
    'javascript:alert(1)',
  ])('cannot be %s', (given) => {
    for (const variable of ['GRAPH_BASE_URL', 'GRAPH_LOGIN_URL']) {
      const problems = problemsOf({ [variable]: given });
      expect(problems).toEqual([
        expect.stringMatching(new RegExp(`^ {2}${variable} must be https://, a host and no path`)),
      ]);
      expect(problems[0]).not.toContain('planted');
    }
  });
});
