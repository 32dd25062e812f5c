/** The editor's colours, for drawing on a canvas, which can't inherit them. */

export interface Theme {
  text: string;
  faint: string;
  grid: string;
  background: string;
  /** Dash and shape distinguish lines as well: see charts/run-styles.ts. */
  first: string;
  second: string;
  third: string;
  /** Colours of the shown runs; the first is that of the selected run. */
  palette: string[];
  font: string;
  highContrast: boolean;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const text = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
  const read = (name: string, fallback: string) => plainColor(text(name, fallback));
  const palette = [
    read('--vscode-charts-blue', '#1a85ff'),
    read('--vscode-charts-orange', '#d18616'),
    read('--vscode-charts-green', '#388a34'),
    read('--vscode-charts-purple', '#652d90'),
    read('--vscode-charts-red', '#e51400'),
    read('--vscode-charts-yellow', '#bf8803'),
  ];
  return {
    text: read('--vscode-foreground', '#3b3b3b'),
    faint: read('--vscode-descriptionForeground', '#6b6b6b'),
    grid: read('--fmn-grid', 'rgba(128,128,128,0.25)'),
    background: read('--vscode-editor-background', '#ffffff'),
    first: palette[0]!,
    second: palette[1]!,
    third: palette[2]!,
    palette,
    font: text('--vscode-font-family', 'system-ui, sans-serif'),
    highContrast:
      document.body.classList.contains('vscode-high-contrast') ||
      document.body.classList.contains('vscode-high-contrast-light'),
  };
}

const plain = new Map<string, string>();
const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;

/**
 * Converts any CSS colour, including color-mix(), to a form that all SVG readers support: "rgb(1, 2, 3)" or
 * "rgba(1, 2, 3, 0.5)".
 */
function plainColor(css: string): string {
  const known = plain.get(css);
  if (known) return known;
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = css;
  pixel.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
  const rgb = `${red}, ${green}, ${blue}`;
  const color = alpha === 255 ? `rgb(${rgb})` : `rgba(${rgb}, ${(alpha! / 255).toFixed(3)})`;
  plain.set(css, color);
  return color;
}

/** VS Code changes the body's class when its theme changes; in a report, `followSystemTheme` does. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
}

/** Outside VS Code: sets VS Code's theme classes by the system's light, dark or high contrast mode. */
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
