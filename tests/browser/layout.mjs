// Judges how a page lies on the screen. Runs inside the page; each finding is a line.
/* global document, getComputedStyle, NodeFilter, innerWidth */

// What sticks out to the side, texts upon each other, texts that leave their card, words of the app that are cut off.
export function layoutFindings() {
  const SLACK_PX = 1.5;
  const findings = [];
  const name = (element) => `${element.tagName.toLowerCase()}.${[...element.classList].join('.')} “${element.textContent.trim().slice(0, 40)}”`;
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 0) findings.push(`${over} px wider than the window`);

  const unseen = (element) => element.closest('.hidden, [aria-hidden="true"], option, svg, canvas, .skip, .explain-text') !== null;
  // What is left of a box after all that clips it; null: nothing.
  const clipped = (rect, element) => {
    let { left, top, right, bottom } = rect;
    for (let parent = element; parent && parent !== document.body; parent = parent.parentElement) {
      const style = getComputedStyle(parent);
      if (style.visibility === 'hidden' || style.opacity === '0') return null;
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      const box = parent.getBoundingClientRect();
      [left, top, right, bottom] = [Math.max(left, box.left), Math.max(top, box.top), Math.min(right, box.right), Math.min(bottom, box.bottom)];
    }
    return right - left > SLACK_PX && bottom - top > SLACK_PX ? { left, top, right, bottom } : null;
  };

  const main = document.querySelector('dialog[open]') ?? document.querySelector('main');
  const texts = [];
  for (const root of [main, document.querySelector('header.header')].filter((one) => one !== null)) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const element = node.parentElement;
      if (node.data.trim() === '' || unseen(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) {
        const seen = clipped(rect, element);
        if (seen) texts.push({ ...seen, element, root });
      }
      const card = element.closest('.card, .dialog, .header');
      if (card && !element.closest('.table-scroll, .tabs')) {
        const box = card.getBoundingClientRect();
        for (const rect of range.getClientRects()) {
          const seen = clipped(rect, element);
          if (seen && (seen.right > box.right + SLACK_PX || seen.left < box.left - SLACK_PX)) findings.push(`leaves its card: ${name(element)}`);
        }
      }
    }
  }
  texts.sort((a, b) => a.top - b.top);
  for (let i = 0; i < texts.length; i++) {
    const a = texts[i];
    for (let j = i + 1; j < texts.length && texts[j].top < a.bottom - 2 * SLACK_PX; j++) {
      const b = texts[j];
      if (a.element === b.element || a.root !== b.root) continue; // the header lies over what is scrolled
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Boxes of lines are higher than their letters: a third may be shared.
      if (width > SLACK_PX && height > 0.34 * Math.min(a.bottom - a.top, b.bottom - b.top)) findings.push(`upon each other: ${name(a.element)} and ${name(b.element)}`);
    }
  }
  // A number and its unit stand in one line.
  for (const unit of main.querySelectorAll('td .unit')) {
    if (unseen(unit) || unit.getClientRects().length === 0) continue;
    const range = document.createRange();
    range.setStart(unit.parentElement, 0);
    range.setEndBefore(unit);
    const number = [...range.getClientRects()].filter((rect) => rect.width > 0).at(-1);
    if (number && number.bottom <= unit.getBoundingClientRect().top + SLACK_PX) findings.push(`apart from its number: ${name(unit.closest('td'))}`);
  }
  // Words of the app must be read whole; a name that a person chose may end in an ellipsis.
  for (const element of main.querySelectorAll('button, a.button, label, legend, th, dt, h2, h3, summary, .choice button, .state-word, .badge')) {
    const style = getComputedStyle(element);
    if (unseen(element) || style.overflowX === 'visible' || element.clientWidth === 0) continue;
    if (element.scrollWidth > element.clientWidth + 1) findings.push(`cut off (${element.scrollWidth} in ${element.clientWidth} px): ${name(element)}`);
  }
  // A control that cannot be reached because it lies beside the window.
  for (const element of main.querySelectorAll('button, a[href], input, select')) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || unseen(element) || element.closest('.tabs, .table-scroll')) continue;
    if (box.left < -SLACK_PX || box.right > innerWidth + SLACK_PX) findings.push(`beside the window: ${name(element)}`);
  }
  return [...new Set(findings)];
}
