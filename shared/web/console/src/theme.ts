import {
  convertCssVariables,
  createTheme,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  defaultVariantColorsResolver,
  mergeMantineTheme,
} from '@mantine/core';

const FONT = "'IBM Plex Sans Variable', 'IBM Plex Sans', system-ui, sans-serif";

/** Ground and ink of what is marked quietly. */
const SOFT: Record<string, [string, string]> = {
  tungsten: ['var(--accent-soft)', 'var(--accent-ink)'],
  red: ['var(--bad-soft)', 'var(--bad)'],
  green: ['var(--good-soft)', 'var(--good)'],
  gray: ['var(--raised)', 'var(--quiet)'],
};

/** Neutral greys, so that a picture is judged beside no colour; tungsten for what is done next. */
export const theme = createTheme({
  fontFamily: FONT,
  headings: {
    fontFamily: FONT,
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.25' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.3' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.35' },
    },
  },
  primaryColor: 'tungsten',
  primaryShade: { light: 8, dark: 4 },
  variantColorResolver: input => {
    const colours = defaultVariantColorsResolver(input);
    if (input.variant === 'filled' && (input.color ?? 'tungsten') === 'tungsten') {
      return { ...colours, color: 'var(--on-accent)' };
    }
    if (input.variant === 'filled' && input.color === 'red') {
      const hover = 'color-mix(in srgb, var(--bad) 88%, var(--ink))';
      return { ...colours, background: 'var(--bad)', hover, color: 'var(--on-bad)' };
    }
    const soft = input.variant === 'light' && SOFT[input.color ?? 'tungsten'];
    if (soft) return { ...colours, background: soft[0], hover: soft[0], color: soft[1] };
    return colours;
  },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  colors: {
    tungsten: [
      '#fdf5e7',
      '#f8e6c5',
      '#f3d49b',
      '#edc06c',
      '#e8a33d',
      '#d9902a',
      '#bb7720',
      '#96601b',
      '#7d4e13',
      '#5c390d',
    ],
    dark: [
      '#d9d7d3',
      '#b9b7b2',
      '#97958f',
      '#6f6d68',
      '#474541',
      '#363431',
      '#2a2926',
      '#201f1d',
      '#181716',
      '#100f0e',
    ],
    gray: [
      '#f7f6f4',
      '#efeeeb',
      '#e5e3df',
      '#d6d4cf',
      '#bdbab4',
      '#9a978f',
      '#757269',
      '#57544d',
      '#3a3833',
      '#232220',
    ],
  },
  components: {
    // The library locks scrolling with an inline style sheet, which our policy forbids: styles.css does it.
    Modal: {
      defaultProps: {
        lockScroll: false,
        centered: true,
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    Badge: { defaultProps: { tt: 'none', fw: 500 } },
    Drawer: { defaultProps: { lockScroll: false } },
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Tooltip: {
      defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: false } },
    },
    Loader: { defaultProps: { type: 'dots' } },
  },
});

/** The theme's variables as a constructed sheet: no inline style element is needed. */
export function adoptTheme(): void {
  const whole = mergeMantineTheme(DEFAULT_THEME, theme);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(convertCssVariables(defaultCssVariablesResolver(whole), ':root'));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
