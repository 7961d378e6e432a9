import type { LightingRig } from '@prolight/client';
import { useEffect, useRef } from 'react';
import { look } from './look.ts';
import classes from './Studio.module.css';

const SIDE = 320;

/** A grey ball in the light of the rig, while one drags. */
export function FirstLook({ rig }: { rig: LightingRig }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const context = canvas.current?.getContext('2d');
      context?.putImageData(new ImageData(look(rig, SIDE), SIDE, SIDE), 0, 0);
    });
    return () => cancelAnimationFrame(frame);
  }, [rig]);
  return (
    <figure className={classes.look}>
      <canvas
        ref={canvas}
        width={SIDE}
        height={SIDE}
        role="img"
        aria-label="A grey ball in the light of this rig"
      />
      <figcaption>First look, on a grey ball</figcaption>
    </figure>
  );
}
