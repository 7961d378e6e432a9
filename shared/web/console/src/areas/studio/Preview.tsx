import { SegmentedControl } from '@mantine/core';
import type { CameraSettings, DemoSubject, LightingRig } from '@prolight/client';
import { useSignedIn } from '../../context.tsx';
import { SUBJECT_NAMES, SUBJECTS } from '../../ui/format.tsx';
import { useDraft } from '../../ui/useDraft.ts';
import { FirstLook } from './FirstLook.tsx';
import { Replaced } from './Replaced.tsx';
import classes from './Studio.module.css';
import { useDrawn } from './useDrawn.ts';

/**
 * The set as the service draws it, moments after the last change. Our own grey ball is shown only
 * while there is no such picture: to visitors, at first, and without lights.
 */
export function Preview({
  rig,
  camera,
  replacedBy,
}: {
  rig: LightingRig;
  camera: CameraSettings;
  /** The listing whose rig or camera is used in place of these. */
  replacedBy?: string;
}) {
  const signedIn = useSignedIn();
  const [subject, setSubject] = useDraft<DemoSubject>('studio.subject', 'bust');
  const drawn = useDrawn({ lighting: rig, camera, subject }, signedIn && rig.lights.length > 0);
  const { picture } = drawn;
  return (
    <section className={classes.preview} aria-label="Preview" aria-busy={drawn.isLate}>
      <Replaced by={replacedBy}>
        {picture ? (
          <figure className={classes.look}>
            <img
              src={picture.image.url}
              width={picture.image.width}
              height={picture.image.height}
              alt={`A ${SUBJECT_NAMES[picture.subject].toLowerCase()} in the light of this rig`}
              data-late={drawn.isLate || undefined}
            />
          </figure>
        ) : (
          <FirstLook rig={rig} />
        )}
        {signedIn && (
          <SegmentedControl
            size="xs"
            aria-label="What is lit"
            data={SUBJECTS.map(value => ({ value, label: SUBJECT_NAMES[value] }))}
            value={subject}
            onChange={value => setSubject(value as DemoSubject)}
          />
        )}
      </Replaced>
      <p className="small quiet">
        {!signedIn && 'Members see a bust, a bottle or a ball drawn as it will be. '}
        {picture && 'As the studio draws it. '}
        <span role="status">{drawn.trouble}</span>
      </p>
    </section>
  );
}
