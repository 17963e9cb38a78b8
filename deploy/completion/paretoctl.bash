# Completion of paretoctl for bash: source this file, or copy it to /usr/share/bash-completion/completions/paretoctl.
# Commands and flags are read from "paretoctl help", so that they are those of the program installed; searches and
# trials come from the daemon, when one answers.

_paretoctl() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' words=() daemon=() i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --daemon)
            # bash divides words at colons and equals signs, so ADDR is "unix", ":", "/path"
            daemon=(--daemon '')
            while ((++i < COMP_CWORD)); do
                [[ ${COMP_WORDS[i]} != = ]] || continue
                daemon[1]+=${COMP_WORDS[i]}
                [[ ${COMP_WORDS[i]} == : || ${COMP_WORDS[i + 1]} == : ]] || break
            done
            ;;
        --key | --out | --set | --given | --base | --tuned | --max-shard-size | --threads | --format | --from-yaml | --x | --y | --tax | --pick | \
            --method | --compat | --weight | --by | --domain | --in-subjects | --sample | --heldout | --shots | --seed | --examples | \
            --questions | --bundle | --model | --search | --task | --shards | --half)
            [[ ${COMP_WORDS[i + 1]} != = ]] || ((++i))
            ((++i))
            ;;
        -*) ;;
        *) if [[ $command == rtuning ]]; then command="rtuning ${COMP_WORDS[i]}"; elif [[ $command ]]; then words+=("${COMP_WORDS[i]}"); else command=${COMP_WORDS[i]}; fi ;;
        esac
    done

    case $command$before in
    rtuning*--format) mapfile -t COMPREPLY < <(compgen -W "segments lmflow chat" -- "$word") && return ;;
    rtuning*--method) mapfile -t COMPREPLY < <(compgen -W "padding replacement unsupervised" -- "$word") && return ;;
    rtuning*--compat) mapfile -t COMPREPLY < <(compgen -W code -- "$word") && return ;;
    rtuning*--domain) mapfile -t COMPREPLY < <(compgen -W "in out" -- "$word") && return ;;
    rtuning*--by) mapfile -t COMPREPLY < <(compgen -W "domain subject" -- "$word") && return ;;
    rtuning*--out | rtuning*--shots | rtuning*--questions)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames
        return
        ;;
    rtuning*--bundle | rtuning*--model)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        compopt -o filenames
        return
        ;;
    rtuning*--weight | rtuning*--in-subjects | rtuning*--sample | rtuning*--heldout | rtuning*--seed | rtuning*--examples | \
        rtuning*--shards | rtuning*--task | rtuning*--search) return ;;
    esac
    case $before in
    --out | --base | --tuned)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        compopt -o filenames
        return
        ;;
    --from-yaml | --given)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames
        return
        ;;
    --format)
        mapfile -t COMPREPLY < <(compgen -W mergekit -- "$word")
        return
        ;;
    --half)
        mapfile -t COMPREPLY < <(compgen -W "search heldout" -- "$word")
        return
        ;;
    --pick)
        mapfile -t COMPREPLY < <(compgen -W "knee certain least-tax" -- "$word")
        return
        ;;
    --x | --y)
        mapfile -t COMPREPLY < <(compgen -W "$("$program" "${daemon[@]}" front "${words[0]}" --json 2>/dev/null |
            sed 's/.*"objectives":\[\(.*\)\],"groups".*/\1/' | grep -o '"name":"[^"]*"' | cut -d'"' -f4)" -- "$word")
        return
        ;;
    --key | --set | --daemon | --max-shard-size | --threads | --tax | --task) return ;;
    esac
    if [[ $word == -* ]]; then
        local flags
        flags=$("$program" help $command 2>/dev/null | sed -n 's/^    \(--[a-z-]*\).*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
        return
    fi
    case $command in
    rtuning | help)
        if [[ $command == rtuning || ${words[*]} == rtuning ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$("$program" help rtuning 2>/dev/null |
                sed -n 's/^    rtuning \([a-z]*\).*/\1/p')" -- "$word")
            return
        fi
        ;;&
    'rtuning convert')
        if ((${#words[@]} == 0)); then
            mapfile -t COMPREPLY < <(compgen -W "pararel mmlu wice hotpotqa fever halueval selfaware falseqa nec" -- "$word")
            return
        fi
        ;;&
    'rtuning '*)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames
        ;;
    '' | help)
        [[ $command && ${#words[@]} -gt 0 ]] ||
            mapfile -t COMPREPLY < <(compgen -W "$("$program" help 2>/dev/null |
                sed -n '/^Commands:/,/^$/s/^    \([a-z]*\).*/\1/p' | uniq)" -- "$word")
        ;;
    submit)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames
        ;;
    verify)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        compopt -o filenames
        ;;
    plan | preflight | watch | front | trials | written | replay | export | pause | resume | cancel)
        if ((${#words[@]} == 0)); then
            mapfile -t COMPREPLY < <(compgen -W "$("$program" "${daemon[@]}" searches 2>/dev/null |
                awk 'NR > 1 && $1 ~ /^[0-9]+$/ { print $1 }')" -- "$word")
            if [[ $command == plan || $command == preflight ]]; then # of a search file too
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
                compopt -o filenames
            fi
        elif [[ $command == export ]] && ((${#words[@]} == 1)); then
            mapfile -t COMPREPLY < <(compgen -W "knee certain least-tax $("$program" "${daemon[@]}" front "${words[0]}" 2>/dev/null |
                awk '$1 ~ /^[0-9]+$/ { print $1 }')" -- "$word")
        fi
        ;;
    esac
}
complete -F _paretoctl paretoctl
