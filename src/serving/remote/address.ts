/** The address of a server elsewhere: what is accepted, and whether code crosses a network there in plain text. Pure. */
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

/** Addresses that no network outside one's own reaches: RFC 1918, RFC 3927, RFC 4193 and RFC 4291. */
const ownNetwork = new BlockList();
ownNetwork.addSubnet('10.0.0.0', 8, 'ipv4');
ownNetwork.addSubnet('172.16.0.0', 12, 'ipv4');
ownNetwork.addSubnet('192.168.0.0', 16, 'ipv4');
ownNetwork.addSubnet('169.254.0.0', 16, 'ipv4');
ownNetwork.addSubnet('fc00::', 7, 'ipv6');
ownNetwork.addSubnet('fe80::', 10, 'ipv6');

/**
 * Reads the address of an OpenAI-compatible server; without a path, its routes are under `/v1`. Throws UserError
 * `endpoint-address`: https is needed, except for this machine and for numeric addresses of one's own network. A name
 * is not looked up for that, because it may mean another machine at the next request.
 */
export function parseEndpoint(text: string): Endpoint {
  const { origin, pathname, ...address } = readAddress(text, {
    unlike: (shown) =>
      refused(
        msg`"${shown}" is no address of a completion server.`,
        msg`Write, for example, https://gpu.example/v1.`,
      ),
    tooMuch: () =>
      refused(
        msg`The address of the completion server contains more than a host, a port and a path.`,
        msg`Give the token by itself, not in the address.`,
      ),
    readable: (host) =>
      refused(
        msg`Code would go to ${host} in plain text, for everybody on the way to read.`,
        msg`Use https, a tunnel to this machine, or the number of a machine in your own network.`,
      ),
  });
  // Mistral's documentation names the whole route.
  const path = pathname.replace(/\/fim\/completions$/, '') || '/v1';
  return { api: origin + path, root: origin + path.replace(/\/v1$/, ''), ...address };
}

export interface Address {
  origin: string;
  /** Without a slash at the end. */
  pathname: string;
  /** For people: host and port. */
  host: string;
  /** On this machine, or the end of a tunnel here. */
  here: boolean;
  /** What is sent, token included, leaves this machine without encryption. */
  plainText: boolean;
}

/**
 * Reads the address of a server to which code and a token go. Throws what `refusals` make: of a text that is none, of
 * one with more in it than a place, and of one that could be read on the way.
 */
export function readAddress(
  text: string,
  refusals: { unlike(shown: string): Error; tooMuch(): Error; readable(host: string): Error },
): Address {
  const shown = text.trim();
  const url = URL.canParse(shown) ? new URL(shown) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw refusals.unlike(shown);
  // Not shown, because it may be a password.
  if (url.username || url.password || url.search || url.hash) throw refusals.tooMuch();
  const where = whereIs(url);
  const here = where === 'here';
  const encrypted = url.protocol === 'https:';
  if (!encrypted && where === 'elsewhere') throw refusals.readable(url.host);
  const { origin, host } = url;
  return { origin, pathname: url.pathname.replace(/\/+$/, ''), host, here, plainText: !encrypted && !here };
}

/** Whether an address is this machine's, a number of one's own network, or may be anywhere. */
function whereIs({ hostname }: Pick<URL, 'hostname'>): 'here' | 'own network' | 'elsewhere' {
  const name = hostname.replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name.endsWith('.localhost') || isIn(loopback, name)) return 'here';
  return isIn(ownNetwork, name) ? 'own network' : 'elsewhere';
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

const refused = (message: Text, next: Text) => new UserError('endpoint-address', message, next);
