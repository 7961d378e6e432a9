import { ActionIcon, Button, Menu, SegmentedControl, Select, Tooltip } from '@mantine/core';
import type { AspectRatio, CameraSettings, Light, LightingRig, LightRole } from '@prolight/client';
import { IconCopy, IconPlus, IconTrash } from '@tabler/icons-react';
import { Words } from '../../ui/format.tsx';
import { Dial } from './Dial.tsx';
import { Replaced } from './Replaced.tsx';
import {
  BACKDROP_LIMITS,
  backdropHex,
  CAMERA_LIMITS,
  css,
  kelvinColour,
  LIGHTS_MAX,
  LIMITS,
  names,
  ROLES,
  softness,
  stops,
  TONES,
  usual,
} from './rig.ts';
import classes from './Studio.module.css';

const RATIOS: AspectRatio[] = ['1:1', '4:5', '3:4', '2:3', '9:16', '5:4', '4:3', '3:2', '16:9'];

interface RigProps {
  rig: LightingRig;
  selected: number;
  onSelect: (index: number) => void;
  onChange: (rig: LightingRig) => void;
}

/** The lights as a list, and the selected one in numbers. */
export function LightPanel({ rig, selected, onSelect, onChange }: RigProps) {
  const light = rig.lights[selected];
  const called = names(rig.lights);
  const full = rig.lights.length >= LIGHTS_MAX;
  const set = (change: Partial<Light>) =>
    onChange({
      ...rig,
      lights: rig.lights.map((it, nth) => (nth === selected ? { ...it, ...change } : it)),
    });
  const add = (it: Light) => {
    onChange({ ...rig, lights: [...rig.lights, it] });
    onSelect(rig.lights.length);
  };
  const remove = () => {
    onChange({ ...rig, lights: rig.lights.filter((_, nth) => nth !== selected) });
    onSelect(Math.max(0, selected - 1));
  };
  return (
    <section className="stack" aria-labelledby="lights">
      <div className="row between">
        <h2 id="lights">Lights</h2>
        <Menu position="bottom-end">
          <Menu.Target>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconPlus size={14} />}
              disabled={full}
              title={full ? `A rig has at most ${LIGHTS_MAX} lights` : undefined}
            >
              Add
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {ROLES.map(role => (
              <Menu.Item key={role} onClick={() => add(usual(role))}>
                {role.charAt(0).toUpperCase() + role.slice(1)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </div>
      <div className={classes.chips} role="radiogroup" aria-label="Selected light">
        {rig.lights.map((it, nth) => (
          <label key={nth} className={classes.chip} data-on={nth === selected || undefined}>
            <input
              type="radio"
              name="light"
              className="visually-hidden"
              checked={nth === selected}
              onChange={() => onSelect(nth)}
            />
            <Swatch colour={css(kelvinColour(it.colour))} />
            {called[nth]}
            <span className="quiet num">{stops(it.intensity)}</span>
          </label>
        ))}
      </div>
      {light ? (
        <div className="stack">
          <div className="row between">
            <Select
              size="xs"
              w={140}
              aria-label="Role of the light"
              allowDeselect={false}
              data={ROLES.map(role => ({
                value: role,
                label: role.charAt(0).toUpperCase() + role.slice(1),
              }))}
              value={light.role}
              onChange={role => role && set({ role: role as LightRole })}
            />
            <div className="row">
              <Tooltip label="Duplicate on the other side">
                <ActionIcon
                  variant="default"
                  aria-label="Duplicate on the other side"
                  disabled={full}
                  onClick={() => add({ ...light, azimuth: -light.azimuth })}
                >
                  <IconCopy size={16} stroke={1.6} />
                </ActionIcon>
              </Tooltip>
              <Tooltip label="Remove this light">
                <ActionIcon variant="default" aria-label="Remove this light" onClick={remove}>
                  <IconTrash size={16} stroke={1.6} />
                </ActionIcon>
              </Tooltip>
            </div>
          </div>
          <div className={classes.dials}>
            <Dial
              label="Azimuth"
              unit="°"
              value={light.azimuth}
              limits={LIMITS.azimuth}
              onChange={azimuth => set({ azimuth })}
            />
            <Dial
              label="Elevation"
              unit="°"
              value={light.elevation}
              limits={LIMITS.elevation}
              onChange={elevation => set({ elevation })}
            />
            <Dial
              label="Stops"
              value={light.intensity}
              limits={LIMITS.intensity}
              onChange={intensity => set({ intensity })}
            />
            <Dial
              label="Distance"
              unit="m"
              logarithmic
              value={light.distance}
              limits={LIMITS.distance}
              onChange={distance => set({ distance })}
            />
            <Dial
              label="Size"
              unit="m"
              logarithmic
              value={light.size}
              limits={LIMITS.size}
              onChange={size => set({ size })}
              hint={softness(light)}
            />
            <Dial
              label="Colour"
              unit="K"
              logarithmic
              track="kelvin"
              value={light.colour}
              limits={LIMITS.colour}
              onChange={colour => set({ colour })}
            />
          </div>
        </div>
      ) : (
        <p className="quiet">No light yet. Add one.</p>
      )}
    </section>
  );
}

function Swatch({ colour }: { colour: string }) {
  return (
    <svg width="10" height="10" aria-hidden="true">
      <circle cx="5" cy="5" r="4.5" fill={colour} stroke="var(--line-strong)" />
    </svg>
  );
}

export function BackdropPanel({
  rig,
  onChange,
}: {
  rig: LightingRig;
  onChange: (rig: LightingRig) => void;
}) {
  const { backdrop } = rig;
  const set = (change: Partial<typeof backdrop>) =>
    onChange({ ...rig, backdrop: { ...backdrop, ...change } });
  const named = (TONES as readonly string[]).includes(backdrop.colour);
  return (
    <section className="stack" aria-labelledby="backdrop">
      <h2 id="backdrop">Backdrop</h2>
      <div className={classes.chips} role="radiogroup" aria-label="Paper">
        {TONES.map(tone => (
          <label
            key={tone}
            className={classes.chip}
            data-on={backdrop.colour === tone || undefined}
          >
            <input
              type="radio"
              name="paper"
              className="visually-hidden"
              checked={backdrop.colour === tone}
              onChange={() => set({ colour: tone })}
            />
            <Swatch colour={backdropHex(tone)} />
            {Words(tone)}
          </label>
        ))}
      </div>
      <label className="row">
        <input
          type="color"
          className={classes.colour}
          value={backdropHex(backdrop.colour)}
          onChange={event => set({ colour: event.currentTarget.value })}
        />
        Another colour {!named && <span className="quiet num">{backdrop.colour}</span>}
      </label>
      <Dial
        label="Behind the subject"
        unit="m"
        logarithmic
        value={backdrop.distance}
        limits={BACKDROP_LIMITS.distance}
        onChange={distance => set({ distance })}
      />
      <Dial
        label="Darker at the edges"
        unit="stops"
        value={backdrop.falloff}
        limits={BACKDROP_LIMITS.falloff}
        onChange={falloff => set({ falloff })}
      />
    </section>
  );
}

export function CameraPanel({
  camera,
  replacedBy,
  onChange,
}: {
  camera: CameraSettings;
  /** The listing whose camera is used in place of this one; the frame stays one's own. */
  replacedBy?: string;
  onChange: (camera: CameraSettings) => void;
}) {
  const set = (change: Partial<CameraSettings>) => onChange({ ...camera, ...change });
  return (
    <section className="stack" aria-labelledby="camera">
      <h2 id="camera">Camera</h2>
      <Replaced by={replacedBy}>
        <SegmentedControl
          size="xs"
          fullWidth
          aria-label="Common lenses"
          data={['24', '35', '50', '85', '135'].map(mm => ({ value: mm, label: `${mm} mm` }))}
          value={String(camera.focal_length_mm)}
          onChange={mm => set({ focal_length_mm: Number(mm) })}
        />
        <Dial
          label="Focal length"
          unit="mm"
          logarithmic
          value={camera.focal_length_mm}
          limits={CAMERA_LIMITS.focal_length_mm}
          onChange={focal_length_mm => set({ focal_length_mm })}
        />
        <Dial
          label="Aperture, f/"
          logarithmic
          value={camera.aperture}
          limits={CAMERA_LIMITS.aperture}
          onChange={aperture => set({ aperture })}
        />
        <Dial
          label="Height of the tripod"
          unit="m"
          value={camera.height_m}
          limits={CAMERA_LIMITS.height_m}
          onChange={height_m => set({ height_m })}
        />
        <Dial
          label="Angle over the subject"
          unit="°"
          value={camera.angle_degrees}
          limits={CAMERA_LIMITS.angle_degrees}
          onChange={angle_degrees => set({ angle_degrees })}
        />
      </Replaced>
      <div className={classes.ratios} role="radiogroup" aria-label="Shape of the frame">
        {RATIOS.map(ratio => (
          <label
            key={ratio}
            className={classes.ratio}
            data-on={camera.aspect_ratio === ratio || undefined}
          >
            <input
              type="radio"
              name="ratio"
              className="visually-hidden"
              checked={camera.aspect_ratio === ratio}
              onChange={() => set({ aspect_ratio: ratio })}
            />
            <Frame ratio={ratio} />
            {ratio}
          </label>
        ))}
      </div>
    </section>
  );
}

function Frame({ ratio }: { ratio: AspectRatio }) {
  const [w = 1, h = 1] = ratio.split(':').map(Number);
  const scale = 16 / Math.max(w, h);
  return (
    <svg width="18" height="18" aria-hidden="true">
      <rect
        x={9 - (w * scale) / 2}
        y={9 - (h * scale) / 2}
        width={w * scale}
        height={h * scale}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
      />
    </svg>
  );
}
