/** The changelog's section about a version, without its heading. Throws an Error if there is none. */
export function changelogOf(version: string, changelog: string): string;
