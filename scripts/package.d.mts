/** Builds and packs the extension. Returns the path of the .vsix. */
export function packageExtension(options?: { gpu?: boolean; quiet?: boolean }): Promise<string>;
