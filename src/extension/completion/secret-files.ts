/** Recognises files that hold passwords or keys, by name. */

const secret = new RegExp(
  [
    String.raw`\.env(?:\.[^/]*)?`,
    String.raw`[^/]+\.(?:env|pem|key|p12|pfx|jks|keystore|kdbx|tfvars)`,
    String.raw`id_(?:rsa|dsa|ecdsa|ed25519)`,
    String.raw`\.(?:npmrc|netrc|pypirc|pgpass|htpasswd|git-credentials)`,
    'credentials',
  ]
    .map((name) => `(?:^|/)${name}$`)
    .join('|'),
  'i',
);

/**
 * Whether a file is kept out of other files' prompts and never sent to a remote server. `path`: with forward slashes.
 */
export const holdsSecrets = (path: string): boolean => secret.test(path);
