"""Child processes in which libraries written in C read what strangers sent: decoding, recognition.

`parent_side` starts, kills and reaps them, `child_side` is what they do first. A child gets none of the
parent's secrets, leaves no core dump, which would have what was said in it, is the first to be killed if the
machine runs out of memory, opens no connection (`network`), keeps within its `limits` of memory, CPU time and
files, and ends when its parent ends; `probe` is a child that tries whether that holds. The child imports this
package, so it imports nothing itself.
"""
