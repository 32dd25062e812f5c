import './strict-csp.ts';
import './styles/main.css';
import { startPanel } from './app.ts';
import { connect } from './host.ts';

startPanel(document.getElementById('app')!, connect());
