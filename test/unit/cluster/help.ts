import { createHash } from 'node:crypto';
import { describePackage, zip } from '../../../src/cluster/zip.ts';
import type { ClusterFile, ResultLine } from '../../../src/protocol/cluster.ts';

export const clusterFile = (url: string, patch: Partial<ClusterFile> = {}): ClusterFile => ({
  version: 1,
  kind: 'train',
  url,
  storage: null,
  needs: { cpus: 1, memoryBytes: 0 },
  submissionId: 'a-job',
  eventsBefore: 0,
  ...patch,
});

/** Files as a worker returns them through a log: a base64-encoded zip, in lines. */
export async function handedOver(
  files: Record<string, string>,
): Promise<{ log: string; result: ResultLine }> {
  const entries = Object.entries(files);
  const packed = entries.map(([name, text]) => ({ name, from: Buffer.from(text) }));
  const archive = await zip(await describePackage('result', packed));
  return {
    log: archive.toString('base64').replace(/.{76}/g, '$&\n'),
    result: {
      type: 'result',
      id: 'train',
      files: entries.map(([name, text]) => ({
        name,
        bytes: Buffer.byteLength(text),
        sha256: createHash('sha256').update(text).digest('hex'),
      })),
      fetch: { kind: 'log', nodeId: 'a-node', file: 'result.b64' },
    },
  };
}
