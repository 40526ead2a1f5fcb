import { OPERATOR_KEY } from './service.ts';

/** Asks the API as the operator in an organisation; gives the status and the parsed answer. */
export async function askIn(
  organization: string,
  { url }: { readonly url: string },
  request: { readonly method: string; readonly path: string; readonly body?: unknown },
) {
  const { method, path, body } = request;
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      'x-api-key': OPERATOR_KEY,
      'x-organization-id': organization,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}
