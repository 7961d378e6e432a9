// Text areas that grow wait for the document's fonts, of which happy-dom knows nothing.
if (typeof document !== 'undefined')
  Object.defineProperty(document, 'fonts', { value: new EventTarget() });
