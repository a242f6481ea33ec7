// Why a result is not good: names as they are kept (`feedback.records`), and in few words.

export const REASONS = [
  ["object-visible", "object visible"],
  ["something-new", "something new"],
  ["blurry", "blurry"],
  ["colours-changed", "colours"],
  ["background-changed", "background"],
  ["shadow-left", "shadow left"],
  ["other", "other"],
];
