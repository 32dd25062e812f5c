/** Parses the address of a Ray cluster, and determines whether data would cross a network in plain text. Pure. */
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import { readAddress, type Address } from '../../serving/remote/address.ts';

export interface ClusterAddress extends Pick<Address, 'host' | 'here' | 'plainText'> {
  /** Without a trailing slash: "https://ray.example". */
  url: string;
}

/**
 * Parses the address of a cluster's dashboard. Throws UserError `cluster-address`: https is required, except for this
 * machine and for numeric addresses in private networks.
 */
export function parseCluster(text: string): ClusterAddress {
  const { origin, pathname, ...address } = readAddress(text, {
    invalid: (shown) =>
      addressError(
        msg`"${shown}" is not the address of a Ray cluster.`,
        msg`Give the address of its dashboard, such as http://127.0.0.1:8265 (the end of a tunnel) or https://ray.example.`,
      ),
    hasExtras: () =>
      addressError(
        msg`The address of the cluster contains more than a host, a port and a path.`,
        msg`Put the cluster's token into RAY_AUTH_TOKEN, not into the address.`,
      ),
    unencrypted: (host) =>
      addressError(
        msg`Your code's tokens would go to ${host} in plain text, readable by anybody on the way.`,
        msg`Use https, a tunnel to this machine (ssh -L, kubectl port-forward), or an IP address in your private network.`,
      ),
  });
  return { url: origin + pathname, ...address };
}

const addressError = (message: Text, next: Text) => new UserError('cluster-address', message, next);
