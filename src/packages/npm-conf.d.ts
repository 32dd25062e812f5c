/** As far as we use it; the package has no types. */
declare module '@pnpm/npm-conf' {
  /** `global`: without the .npmrc of the folder that the process works in. */
  export default function npmConf(options: { global: boolean }): {
    config: { snapshot: Record<string, unknown> };
  };
}
