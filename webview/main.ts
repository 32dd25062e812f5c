import './strict-csp.ts';
import './styles/main.css';
import { setLanguage, type Bundle } from '../src/text/l10n.ts';
import { startPanel } from './app.ts';
import { connect } from './host.ts';

// A report has no translations: it is in English.
const texts = document.getElementById('texts')?.textContent;
setLanguage(document.documentElement.lang, texts ? (JSON.parse(texts) as Bundle) : undefined);
startPanel(document.getElementById('app')!, connect());
