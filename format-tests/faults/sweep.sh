# A fault at each call of a kind in turn.

can_trace='' sweep_step=1
if command -v strace >/dev/null && strace -f -qq --seccomp-bpf -o "$log" -e trace=openat true 2>/dev/null; then can_trace=yes; fi
writes=write,pwrite64,writev,pwritev,fallocate,ftruncate

# Injects into the N-th call of a kind, in each thread, for N from 1 until there is none: each up to 128 (beyond the fourth, one in $every), then one in ever
# more, so that a hundred thousand calls do not take a day.
sweep() { # CALL FAULT
  local number=0 quick=--seccomp-bpf
  # What stops only at some calls takes no signals there.
  [ -n "$killed" ] && quick=
  while :; do
    number=$((number + (number < 4 ? 1 : sweep_step) + (number > 128 ? number / 16 : 0)))
    try strace -f -qq $quick -o "$log" -e "trace=$1,rt_sigaction" -e "inject=$1:$2:when=$number"
    if [ -n "$killed" ]; then
      [ $status = 137 ] || break
      injected=$((injected + 1))
      next
    else
      grep -q INJECTED "$log" || break
      [ -n "$met_loader" ] || injected=$((injected + 1))
    fi
  done
}
# Each kind by itself: a fault that is met earlier hides others.
sweep_all() { # CALLS FAULT
  for current in $works; do
    expect $current
    for call in ${1//,/ }; do sweep "$call" "$2"; done
  done
}
