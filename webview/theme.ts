/** The editor's colours, for what is drawn on a canvas and so cannot inherit them. */

export interface Theme {
  text: string;
  faint: string;
  grid: string;
  background: string;
  /** Told apart by dash and shape as well: see charts/options.ts. */
  first: string;
  second: string;
  third: string;
  font: string;
  highContrast: boolean;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const read = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: read('--vscode-foreground', '#3b3b3b'),
    faint: read('--vscode-descriptionForeground', '#6b6b6b'),
    grid: read('--fmn-grid', 'rgba(128,128,128,0.25)'),
    background: read('--vscode-editor-background', '#ffffff'),
    first: read('--vscode-charts-blue', '#1a85ff'),
    second: read('--vscode-charts-orange', '#d18616'),
    third: read('--vscode-charts-green', '#388a34'),
    font: read('--vscode-font-family', 'system-ui, sans-serif'),
    highContrast:
      document.body.classList.contains('vscode-high-contrast') ||
      document.body.classList.contains('vscode-high-contrast-light'),
  };
}

/** VS Code changes the body's class with its theme; in a report `followSystemTheme` does. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
}

/** Outside VS Code: light, dark or high contrast as the system is, by the classes that VS Code uses. */
export function followSystemTheme(): void {
  document.documentElement.classList.add('standalone');
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const contrast = matchMedia('(prefers-contrast: more), (forced-colors: active)');
  const apply = () => {
    const kind = contrast.matches
      ? dark.matches
        ? 'vscode-high-contrast'
        : 'vscode-high-contrast-light'
      : dark.matches
        ? 'vscode-dark'
        : 'vscode-light';
    document.body.dataset['vscodeThemeKind'] = kind;
    document.body.className = kind;
  };
  dark.addEventListener('change', apply);
  contrast.addEventListener('change', apply);
  apply();
}
