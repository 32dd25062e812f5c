/** Values that are secrets according to their names. */
import type { Draw } from '../draw.ts';
import { code, everything, scripts, settings } from '../languages/index.ts';
import { sql } from '../languages/settings.ts';
import { assigned, kindsOf } from '../model.ts';
import { cipherKey, hexKey, mixed, opaqueKey, password } from '../values.ts';

const key = (draw: Draw) => opaqueKey(draw);
const inPrograms = [...code, ...scripts, ...settings];

export const named = kindsOf('named values', {
  password: assigned(everything, { names: ['password', 'passwd', 'user password'], value: password }),
  'short password': assigned(everything, { names: ['pwd', 'pass', 'pw'], value: password }),
  'database password': assigned(everything, {
    names: [
      'db password',
      'database password',
      'postgres password',
      'mysql pwd',
      'mysql root password',
      'pg pass',
    ],
    value: password,
  }),
  'password of a service': assigned(inPrograms, {
    names: [
      'smtp password',
      'redis password',
      'ldap bind password',
      'ftp pass',
      'admin password',
      'root password',
      'proxy password',
      'email host password',
    ],
    value: password,
  }),
  passphrase: assigned(inPrograms, {
    names: ['passphrase', 'key passphrase', 'pass phrase'],
    value: password,
  }),
  'keystore password': assigned(inPrograms, {
    names: ['keystore password', 'key password', 'store password', 'truststore password', 'ssl key password'],
    value: password,
  }),
  'API key': assigned(everything, { names: ['api key', 'apikey', 'service api key'], value: key }),
  'access token': assigned(everything, {
    names: ['access token', 'auth token', 'api token', 'token'],
    value: key,
  }),
  'refresh token': assigned(inPrograms, { names: ['refresh token', 'oauth refresh token'], value: key }),
  'token of a service': assigned(inPrograms, {
    names: [
      'deploy token',
      'bot token',
      'registry token',
      'personal access token',
      'service token',
      'ci job token',
    ],
    value: key,
  }),
  'secret key': assigned(everything, { names: ['secret key', 'app secret', 'secret'], value: key }),
  'client secret': assigned(inPrograms, {
    names: ['client secret', 'oauth client secret', 'consumer secret', 'app client secret'],
    value: key,
  }),
  'signing key': assigned(inPrograms, {
    names: ['jwt secret', 'signing key', 'jwt signing key', 'hmac secret', 'token signing secret'],
    value: (draw, plain) => (draw.chance(0.3) ? password(draw, plain) : opaqueKey(draw)),
  }),
  'encryption key': assigned(inPrograms, {
    names: ['encryption key', 'aes key', 'master key', 'fernet key', 'data encryption key'],
    value: cipherKey,
  }),
  'webhook secret': assigned(inPrograms, { names: ['webhook secret', 'webhook signing secret'], value: key }),
  'session secret': assigned(inPrograms, {
    names: ['session secret', 'cookie secret', 'secret key base', 'session key'],
    value: hexKey,
  }),
  'private key as a number': assigned(inPrograms, {
    names: ['private key', 'wallet private key', 'deployer private key', 'eth private key'],
    value: (draw) => `${draw.pick(['', '0x'])}${draw.hex(64)}`,
  }),
  'storage key': assigned(inPrograms, {
    names: ['secret access key', 'storage account key', 's3 secret key', 'minio secret key', 'account key'],
    value: (draw) => draw.pick([() => mixed(draw, 40), () => draw.base64(64), () => draw.base64(30)])(),
  }),
  'one-time password seed': assigned(inPrograms, {
    names: ['totp secret', 'otp secret', 'mfa secret', 'two factor secret'],
    value: (draw) => draw.chars(draw.pick([16, 26, 32]), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'),
  }),
  credentials: assigned(inPrograms, {
    names: ['credentials', 'basic auth', 'auth', 'login'],
    value: (draw, plain) => `${draw.pick(['admin', 'svc', 'deploy', draw.word()])}:${password(draw, plain)}`,
    forms: (form) => !['colon', 'commented out', 'flow mapping'].includes(form),
  }),
  'password of a user in SQL': assigned([sql], {
    names: ['password', 'passwd', 'plain password'],
    value: password,
    extents: ['alone'],
    forms: (form) => form === 'column set',
  }),
});
