import { Dialog } from "../ui";
import type { Key } from "./keys";

/** The table of keys. */
export function Help({ keys, onClose }: { keys: readonly Key[]; onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <table class="keys">
        <tbody>
          {keys.map(({ keys: names, does }) => (
            <tr key={names}>
              <th scope="row">
                {names.split(/(, | or | and | to )/).map((part, index) => (index % 2 ? part : <kbd key={part}>{part}</kbd>))}
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="soft">
        With a finger: tap a box to select it, then drag it or its corners. Two fingers zoom and move the page. The button Draw lets one
        finger draw boxes.
      </p>
    </Dialog>
  );
}
