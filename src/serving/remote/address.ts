/**
 * The address of a remote server: which ones are accepted, and whether code would cross a network in plain text. Pure.
 */
import { BlockList, isIP } from 'node:net';
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';

export interface Endpoint extends Pick<Address, 'host' | 'here' | 'plainText'> {
  /** Address of OpenAI's routes without a slash at the end, such as `https://gpu.example/v1`. */
  api: string;
  /** Address of the server's other routes: the same without `/v1`. */
  root: string;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Private and link-local addresses: RFC 1918, RFC 3927, RFC 4193 and RFC 4291. */
const ownNetwork = new BlockList();
ownNetwork.addSubnet('10.0.0.0', 8, 'ipv4');
ownNetwork.addSubnet('172.16.0.0', 12, 'ipv4');
ownNetwork.addSubnet('192.168.0.0', 16, 'ipv4');
ownNetwork.addSubnet('169.254.0.0', 16, 'ipv4');
ownNetwork.addSubnet('fc00::', 7, 'ipv6');
ownNetwork.addSubnet('fe80::', 10, 'ipv6');

/**
 * Reads the address of an OpenAI-compatible server; without a path, its routes are under `/v1`. Throws UserError
 * `endpoint-address`: https is required, except for this machine and for private numeric addresses. A name is not
 * resolved for that, because it may resolve differently at the next request.
 */
export function parseEndpoint(text: string): Endpoint {
  const { origin, pathname, ...address } = readAddress(text, {
    invalid: (shown) =>
      addressError(
        msg`"${shown}" is not the address of a completion server.`,
        msg`Write, for example, https://gpu.example/v1.`,
      ),
    hasExtras: () =>
      addressError(
        msg`The address of the completion server contains more than a host, a port and a path.`,
        msg`Give the token by itself, not in the address.`,
      ),
    unencrypted: (host) =>
      addressError(
        msg`Code would go to ${host} in plain text, readable by anybody on the way.`,
        msg`Use https, a tunnel to this machine, or an IP address in your private network.`,
      ),
  });
  // Mistral's documentation gives the whole route.
  const path = pathname.replace(/\/fim\/completions$/, '') || '/v1';
  return { api: origin + path, root: origin + path.replace(/\/v1$/, ''), ...address };
}

export interface Address {
  origin: string;
  /** Without a slash at the end. */
  pathname: string;
  /** For people: host and port. */
  host: string;
  /** On this machine, or a tunnel that starts here. */
  here: boolean;
  /** Requests, including the token, leave this machine unencrypted. */
  plainText: boolean;
}

/**
 * Parses the address of a server that will get code and a token. Throws one of `errors`: for an invalid address, for
 * one with credentials or a query, and for an unencrypted public one.
 */
export function readAddress(
  text: string,
  errors: { invalid(shown: string): Error; hasExtras(): Error; unencrypted(host: string): Error },
): Address {
  const shown = text.trim();
  const url = URL.canParse(shown) ? new URL(shown) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw errors.invalid(shown);
  // The address is not shown, because it may contain a password.
  if (url.username || url.password || url.search || url.hash) throw errors.hasExtras();
  const location = locationOf(url);
  const here = location === 'here';
  const encrypted = url.protocol === 'https:';
  if (!encrypted && location === 'elsewhere') throw errors.unencrypted(url.host);
  const { origin, host } = url;
  return { origin, pathname: url.pathname.replace(/\/+$/, ''), host, here, plainText: !encrypted && !here };
}

/** Whether an address is this machine's, a private numeric one, or may be anywhere. */
function locationOf({ hostname }: Pick<URL, 'hostname'>): 'here' | 'own network' | 'elsewhere' {
  const name = hostname.replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name.endsWith('.localhost') || isIn(loopback, name)) return 'here';
  return isIn(ownNetwork, name) ? 'own network' : 'elsewhere';
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

const addressError = (message: Text, next: Text) => new UserError('endpoint-address', message, next);
