/** Reasons why a file is left out of a corpus. */
export const reasons = {
  'git-ignored': 'git ignores it',
  excluded: 'excluded by you',
  vendored: "someone else's code, copied in",
  generated: 'written by a program',
  minified: 'minified',
  binary: 'not text',
  encoding: 'text, but not UTF-8 or UTF-16',
  'not-code': 'neither code nor documentation',
  data: 'data rather than code',
  'over-long': 'too large, or with lines too long',
  empty: 'empty',
  duplicate: 'the same as another',
  'near-duplicate': 'nearly the same as another',
  secret: 'contains what looks like a secret',
  'shows-held-out': 'would be both learned and held out',
  symlink: 'a symbolic link',
  unreadable: 'could not be read',
} as const;
export type Reason = keyof typeof reasons;

/** Whether a file is left out because it (nearly) equals another one, which the entry's detail names. */
export const isTwin = (reason: Reason): boolean => reason === 'duplicate' || reason === 'near-duplicate';
