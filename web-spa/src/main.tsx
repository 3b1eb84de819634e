import './style/tokens.css';
import './style/base.css';
import './style/parts.css';
import './style/components.css';
import './style/entrance.css';
import { render } from 'preact';
import { enter } from './api/visit';
import { App } from './app';

const root = document.getElementById('app');
if (root) {
  render(<App />, root);
  void enter();
}
