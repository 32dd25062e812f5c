/**
 * The only module that knows @vscode/webview-ui-toolkit (1.4.0, no longer maintained). Only components that set no
 * inline style attribute are used (not badge, tag or data grid): the content security policy forbids those.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
  type Button,
  type Checkbox,
  type Dropdown,
  type TextField,
} from '@vscode/webview-ui-toolkit';

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDropdown(),
  vsCodeOption(),
  vsCodeProgressRing(),
  vsCodeTextField(),
);

export function button(
  label: string,
  onClick: () => void,
  appearance: 'primary' | 'secondary' | 'icon' = 'secondary',
): Button {
  const element = document.createElement('vscode-button') as Button;
  element.appearance = appearance;
  element.textContent = label;
  element.addEventListener('click', onClick);
  return element;
}

/** A spinner for work of unknown duration. */
export function spinner(label: string): HTMLElement {
  const element = document.createElement('vscode-progress-ring');
  element.setAttribute('aria-label', label);
  return element;
}

/** The toolkit uses the text inside an element as its accessible name and ignores its aria-label. */
function hidden(label: string): HTMLElement {
  const text = document.createElement('span');
  text.className = 'visually-hidden';
  text.textContent = label;
  return text;
}

export function checkbox(label: string, onChange: (checked: boolean) => void): Checkbox {
  const element = document.createElement('vscode-checkbox') as Checkbox;
  element.append(hidden(label));
  element.addEventListener('change', () => onChange(element.checked));
  return element;
}

export function textField(
  label: string,
  placeholder: string,
  value: string,
  onInput: (text: string) => void,
): TextField {
  const element = document.createElement('vscode-text-field') as TextField;
  element.append(hidden(label));
  element.placeholder = placeholder;
  element.value = value;
  element.addEventListener('input', () => onInput(element.value));
  return element;
}

export interface Choice {
  id: string;
  label: string;
}

/** A dropdown whose options may change while it is open: unchanged options are left alone. */
export class Picker {
  readonly element = document.createElement('vscode-dropdown') as Dropdown;
  private choices: Choice[] = [];

  constructor(label: string, onPick: (id: string) => void) {
    this.element.setAttribute('aria-label', label);
    this.element.addEventListener('change', () => onPick(this.element.value));
  }

  update(choices: Choice[], selected: string | undefined): void {
    const sameIds =
      choices.length === this.choices.length &&
      choices.every(({ id }, index) => id === this.choices[index]!.id);
    if (sameIds) choices.forEach(({ label }, index) => this.relabel(index, label));
    else this.element.replaceChildren(...choices.map(option));
    this.choices = choices;
    if (selected === undefined || this.element.value === selected) return;
    // The dropdown handles new options asynchronously, and would lose a value set before that.
    if (sameIds) this.element.value = selected;
    else setTimeout(() => (this.element.value = selected));
  }

  private relabel(index: number, label: string): void {
    if (label !== this.choices[index]!.label) this.element.children[index]!.textContent = label;
  }
}

function option({ id, label }: Choice): HTMLElement {
  const element = document.createElement('vscode-option');
  element.setAttribute('value', id);
  element.textContent = label;
  return element;
}
