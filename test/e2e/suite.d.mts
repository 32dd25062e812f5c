/** What a test of the suite itself puts in the places of VS Code, browser and workspace. */
export interface Made<S, P> {
  makePlace: () => P | Promise<P>;
  open: (place: P) => Promise<S>;
}
export function runSuite<S extends { workbench: object }, P>(
  chosen: Iterable<[string, (workbench: S['workbench'], place: P) => Promise<void>]>,
  options: { shots: string; vsix: string; chromium: string },
  made?: Made<S, P>,
): Promise<{ passed: number; failed: number }>;
