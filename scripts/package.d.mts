/** Builds and packs the extension. Returns the path of the .vsix. */
export function packageExtension(options?: {
  target?: string;
  gpu?: boolean;
  quiet?: boolean;
  fresh?: boolean;
  scan?: boolean;
}): Promise<string>;
