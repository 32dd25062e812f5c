/** Files that hold passwords or keys, by their names. */

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

/** Whether a file is left out of prompts of other files, and is not sent to a server elsewhere. `path`: with slashes. */
export const holdsSecrets = (path: string): boolean => secret.test(path);
