/** The part we use; the package has no types. */
declare module '@pnpm/npm-conf' {
  /** `global`: ignore the .npmrc of the working directory. */
  export default function npmConf(options: { global: boolean }): {
    config: { snapshot: Record<string, unknown> };
  };
}
