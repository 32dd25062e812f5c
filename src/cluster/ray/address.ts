/** The address of a Ray cluster: what is accepted, and whether a corpus crosses a network there in plain text. Pure. */
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import { readAddress, type Address } from '../../serving/remote/address.ts';

export interface ClusterAddress extends Pick<Address, 'host' | 'here' | 'plainText'> {
  /** Without a slash at the end: "https://ray.example". */
  url: string;
}

/**
 * Reads the address of a cluster's dashboard. Throws UserError `cluster-address`: https is needed, except for this
 * machine and for numeric addresses of one's own network.
 */
export function parseCluster(text: string): ClusterAddress {
  const { origin, pathname, ...address } = readAddress(text, {
    invalid: (shown) =>
      refused(
        msg`"${shown}" is no address of a Ray cluster.`,
        msg`Give the address of its dashboard, such as http://127.0.0.1:8265 (the end of a tunnel) or https://ray.example.`,
      ),
    hasExtras: () =>
      refused(
        msg`The address of the cluster contains more than a host, a port and a path.`,
        msg`Put the cluster's token into RAY_AUTH_TOKEN, not into the address.`,
      ),
    unencrypted: (host) =>
      refused(
        msg`Your code's tokens would go to ${host} in plain text, for everybody on the way to read.`,
        msg`Use https, a tunnel to this machine (ssh -L, kubectl port-forward), or the number of a machine in your own network.`,
      ),
  });
  return { url: origin + pathname, ...address };
}

const refused = (message: Text, next: Text) => new UserError('cluster-address', message, next);
