/** Parses `s3://bucket/prefix` and the store's environment variables: region, address and credentials. Pure. */
import { UserError } from '../../text/errors.ts';
import { readEndpoint } from './store.ts';

export interface S3Settings {
  /** "s3://bucket/team" */
  label: string;
  bucket: string;
  /** "" or "team/": the prefix of all keys. */
  prefix: string;
  region: string;
  /** Address of the bucket, with a trailing slash. */
  root: string;
  /** The store's host and port, unless it is Amazon's. */
  host: string | undefined;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Uses the same variables as Amazon's own tools. Without an explicit address, the store is Amazon's. Throws UserError:
 * `bad-argument` for an invalid address, or one that would send the weights in plain text over a network;
 * `store-refused` if there are no credentials.
 */
export function s3Settings(address: string, env: Environment = process.env): S3Settings {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]*)\/?(.*)$/.exec(address) ?? [];
  const parts = path.split('/').filter(Boolean);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || parts.some((part) => !/^[\w][\w.-]*$/.test(part)))
    throw refused(
      `"${address}" is not the address of a bucket.`,
      'Write, for example, s3://bucket/adapters.',
    );
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey)
    throw new UserError(
      'store-refused',
      `There are no credentials for ${address}.`,
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL if the store is not Amazon.',
    );
  const sessionToken = env['AWS_SESSION_TOKEN'];
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1';
  const customEndpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  const keys = 'keys go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
  const custom = customEndpoint ? readEndpoint(customEndpoint, 'AWS_ENDPOINT_URL', keys) : undefined;
  return {
    label: `s3://${[bucket, ...parts].join('/')}`,
    bucket,
    prefix: parts.map((part) => `${part}/`).join(''),
    region,
    // With a dot in the bucket's name, its own host would have no valid certificate.
    root: custom
      ? `${custom.origin}${custom.pathname}/${bucket}/`
      : bucket.includes('.')
        ? `https://s3.${region}.amazonaws.com/${bucket}/`
        : `https://${bucket}.s3.${region}.amazonaws.com/`,
    host: custom?.host,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  };
}

const refused = (message: string, next: string) => new UserError('bad-argument', message, next);
