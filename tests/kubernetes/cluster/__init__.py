"""A double of a Kubernetes cluster: its API by HTTP on loopback, its pods as processes of this machine.

The unmodified client talks to it. It differs from a real cluster in this:

- A container is a process without isolation: it sees the machine's files and network. Images are names without content.
- Its memory limit is that of its resident set, with that of its children, looked at every 50 ms; what is above it is
  ended with SIGKILL, the largest process first. A real one is the kernel's, page cache included.
- There is one node, and scheduling adds up requests of memory alone. Priorities order nothing.
- A watch, admission, quotas and network policies are not there. Tokens have verbs, without roles.
- Jobs have one pod: `backoffLimit` above 0 and parallelism are refused.
"""
