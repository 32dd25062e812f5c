/** The address of a Ray cluster: what is accepted, and whether a corpus crosses a network there in plain text. Pure. */
import { UserError } from '../../protocol/errors.ts';
import { whereIs } from '../../serving/remote/address.ts';

export interface ClusterAddress {
  /** Without a slash at the end: "https://ray.example". */
  url: string;
  /** For people: host and port. */
  host: string;
  /** On this machine, or the end of a tunnel here. */
  here: boolean;
  /** What is sent, token included, leaves this machine without encryption. */
  plainText: boolean;
}

/**
 * Reads the address of a cluster's dashboard. Throws UserError `cluster-address`: https is needed, except for this
 * machine and for numeric addresses of one's own network.
 */
export function parseCluster(text: string): ClusterAddress {
  const shown = text.trim();
  const url = URL.canParse(shown) ? new URL(shown) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw refused(
      `"${shown}" is no address of a Ray cluster.`,
      'Give the address of its dashboard, such as http://127.0.0.1:8265 (the end of a tunnel) or https://ray.example.',
    );
  // Not shown, because it may be a password.
  if (url.username || url.password || url.search || url.hash)
    throw refused(
      'The address of the cluster contains more than a host, a port and a path.',
      "Put the cluster's token into RAY_AUTH_TOKEN, not into the address.",
    );
  const where = whereIs(url);
  const encrypted = url.protocol === 'https:';
  if (!encrypted && where === 'elsewhere')
    throw refused(
      `Your code's tokens would go to ${url.host} in plain text, for everybody on the way to read.`,
      'Use https, a tunnel to this machine (ssh -L, kubectl port-forward), or the number of a machine in your own network.',
    );
  return {
    url: url.origin + url.pathname.replace(/\/+$/, ''),
    host: url.host,
    here: where === 'here',
    plainText: !encrypted && where !== 'here',
  };
}

const refused = (message: string, next: string) => new UserError('cluster-address', message, next);
