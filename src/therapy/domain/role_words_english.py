"""English words and phrases that tell a therapist from a patient, kind by kind.

A line is a cue: a regular expression over plain text (lower case, no marks), matched between word
boundaries; an indented line continues the one above. `role_cues` counts them.
"""

PHRASES = r"""
(that|it|this) (sounds?|must (be|have been|feel))
sounds like
(that|it|this) makes (a lot of |perfect |complete |so much )?sense
(you can |can you |could you |please |would you )?tell me( a (little|bit)( bit)?)?( (more
    |about))?
say (a (little|bit) )?more|help me (to )?understand|walk me through
(what )?i('m| am)? hear(ing)?( is)?( that)?
i('m| am)? (wonder(ing)?|curious|struck|noticing|inviting you|suggest(ing)?|encourage you)
i notice(d)? that you
last (time|week|session|meeting),? (we|you)( talked| spoke| said| mentioned| were)?
(since|when) we (last )?(met|spoke|talked)( last)?
we (talked|spoke|discussed|worked|agreed|looked) (about|on|at|that)?.{0,30}last (time|week
    |session)
(for|until|before|between now and) (the )?next (week|time|session|meeting|appointment)
before we (finish|end|stop|meet|start|begin|go on)
i('d| would) (like|love|want) (you to|to (hear|invite|understand|know|ask|suggest
    |come back))( you)?
i want you to (try|notice|know|write|think|imagine|practise|practice|pay)
thanks?( you)?( so much| very much)? for (sharing|telling|trusting|being|coming|your|saying
    |bringing)( me| that with me| with me)?
i('m| am) (so |very |really )?(sorry|glad|happy|pleased) (to hear|you|that you)
let('s| us) (\w+ )?(look|try|take|talk|pause|stay|explore|go|come|start|begin|see|think|focus
    |stop)
welcome( back)?|(good|nice|glad) to (see|meet) you
you('ve| have)? (just )?(said|mentioned|noticed|described|told me|used|managed|talked about)
(do|did|have|can) you (notice|noticed|feel|felt|think|thought|remember|imagine|picture)
how (do|did|does|would|are) (you|that|this|it)( make you)? feel(ing)?
what (goes|went|comes|came|is going|was going) (through|up|on)
our (time|session|sessions|hour|work|meeting|meetings|conversation)
(we have|we've got|there are) (about |only |\w+ )?(\w+ )?minutes
take (your time|a (deep |slow )?breath|a moment)
(it is|it's|that is|that's) (completely |perfectly |totally |very |quite |absolutely )?(ok|okay
    |all right|understandable|normal|natural|human|wonderful|great|important|a big step)( to
    | that| progress)?
as your therapist|confidential(ity)?|on a scale
(on the one|on the other) hand, (it|you)|part of you
"""
"""What therapists say more often than patients: reflecting, inviting, thanking, keeping time."""

OPEN_QUESTIONS = r"""
(how|what) (\w+ )?(was|is|were|would|has|did|does|do) (it|that|this|your|things?|the) [^?.!]*
(what|how) (\w+ ){0,2}(happens|happened|happen|goes|went|comes|came|feels?|felt|changed|changes
    |makes|made|helped|helps|brings|brought|keeps|stops|stopped)
(how|what|when|where) (did|do|would|have|are|were|can|could) you (feel|felt|think|thinking|need
    |want|like|notice|noticed|tell yourself|say to yourself|learn|sleep|slept|been|react
    |remember|hope|expect|mean|experience|imagine|see|call|make of|find|deal|cope|hear|begin
    |start|first)
(can|could|would) you (say|tell|describe|give|try|imagine|stay|look|put|think|let|walk|help me)
what would you (like|want|need|say to)
what (are|were) you (feeling|afraid|thinking|hoping|noticing|doing|most)
do you (notice|feel|remember|recognise|recognize|sense)
(was|were|is|are|has|have) there (been )?(any|a|some|moments?|times?|something|someone|anything)
have you (had|been|noticed|felt|thought|talked|told|tried|slept|ever thought)
where in (your|the)|tell me (about|more|what|how)|since when|how often|how strong\w*|how much of
on a scale|which (of|part|one)|what else|what about|is there (anything|something|more)
"""
"""Questions that invite the other to tell."""

SEEKING = r"""
(should|can|could|will|am|do|would|did|was|may|must|shall) i|should we|will (he|she|they|my)
(what|how|when|where|why) (do|can|am|should|did|will) i|what (will|should|can|could) (you|i|we)
what would (you do|i|we)|do (you|they) (really |honestly )?think (i|it('s| is| will)|that's|he|she)
you (really |honestly )?think (i|it('s| is| will| works))|what do you (think|suggest|recommend|want from)
how (long|often|many|soon) (does (it|this)|will|is|until|do i|before)|how (many|old) (people|patients
    |clients|are you)
is (it|this|that|there) (even |really |something |a |all |any )?(normal|bad|dangerous|my fault|crazy
    |true|lot|serious|wrong|fair|pill|cure|hope|weird|stupid|safe|addictive|okay if|ok if)
what if (i|it|he|she|they|this|that|we|my)|will (it|this|that)|could it be|(is|was) (he|she)
does (it|this|that|anyone|anybody|everyone|everybody) (ever |even |really |actually |just )?(stop|get
    |go away|work|count|always|ever)
did it (stop|work|help)|how do people|how does (it|this|that|one)|what does (it|that|this) mean
(other|your) (other )?(patients|clients)|do (other )?people|someone like me|what('s| is) wrong with me
can you (just |please |even |maybe )?(prescribe|help me|promise|make (it|this)|explain|believe|fix
    |tell me (honestly|what|if|whether|how|why))
are you (going to|even|a real|married|listening|mad|allowed|trained|qualified|religious|like this
    |writing|recording|serious)
would you (tell|ever|mind|lose|worry|do|really)|who would|who gets
have you (ever )?(treated|seen (this|that|it)|worked|had (that|this|patients|clients|people))
how long have you (done|worked|been (doing (this|it)|a))|did you (ever|also|study|train)
do you (ever|also|hate|have (kids|children)|live (near|around|here)|see (that|this|people)|do (it|this
    |that)|always|judge|charge|offer|think less)
how was your (holiday|weekend|vacation|week off|trip|break)|how (are|do) you (really|stand|manage it)
why (didn't|don't|should|won't|can't|do) (you|i)|you people|tell me what to do|what do you get out of
where did you (study|train|learn)|what (kind|sort) of (therapist|doctor|therapy)|how can (i|you)
"""
"""Questions for advice, for a prognosis, or about the therapist."""

EXPLAINING = r"""
(most|many|some|few|lots of|a lot of) (people|of us|patients|clients|couples|parents|men|women)
people (who|often|feel|find|start|tell|with)
(one|a|another|the) (woman|man|person|client|patient|couple|family|mother|father|colleague|boy
    |girl)( that| whom| who)? (i|i've|i once) (worked|work|saw|see|know|knew|had|treated)
the (brain|body|mind|nervous system|system|alarm|muscles?|breath|out-breath|dose|medicine
    |medication|tablets?|plan|exercise|questionnaire|scale|score|results?|ladder|next step
    |first step|second step|map|curve|diary|sheet|homework|treatment|therapy|idea
    |aim|goal|reason|trick|rule|research|pattern|cycle|circle|anxiety|fear|panic|grief
    |depression|technique|method|part (of you|which|that)|feeling|anger|worry|worrying|opposite)
we (will|can|could|use|start|practise|practice|teach|might|are going to|call|know (that|from
    |this)|learn|see (that|this))
(is|are|it's) (called|what we call|known as)
it('s| is) (a bit |a little |rather )?like
(once|twice|times|minutes|hours?) (a|every|per) (day|week|night)
next (week|time|session|meeting|appointment|monday|tuesday|wednesday|thursday|friday)
(my |of |with |front of |the |many |other |most )?(patients|clients)
my (\w+ )?(supervisor|training|practice|profession|colleagues|supervision)
(year of |in |my |was )(training|trained)
as a (therapist|doctor|psychologist|psychiatrist|counsellor)
(one|a|another|the) (woman|man|person|couple|family|mother|father|boy|girl|someone)( that| whom
    | who)? (i|i've|i once) (worked|work|saw|see|had|treated|met|knew)
(i|i've|we) (have )?(worked|work|done this) (with|as)
(in|from) (my|the) (experience|work|clinic|practice|research|file|studies)
(i|we) (see|saw) (it|that|this) (a lot|often|every|in)
in (therapy|treatment|this work|here)
(therapy|treatment|counselling|counseling|medication|anxiety|fear|panic|grief|sleep|anger|shame
    |memory|memories|stress|emotions?|feelings|thoughts|children|couples|families|change
    |recovery|progress) (is|are|can|often|usually|works?|takes?|tends?|comes?|helps?|has|have
    |starts?)
this is (called|how|why|what happens)
it is(n't| not) (dangerous|unusual|a sign)
nervous systems?|adrenaline|serotonin|hormones?|reflex|instinct|coping|triggers?|compulsions?
    |mindfulness|acceptance|core beliefs?|self-(esteem|compassion|criticism)|burnout|diagnos(is
    |es)|questionnaires?|side effects?|relapse|habits?|patterns?|skills?|techniques?
we'(ll|re going)|it (works|takes|means)|step by step|small steps?|little by little
in the beginning|over time|gradually|usually|typically|in general|for example|for instance
in other words|that means|which means|because the|(in|inside) (this|the) room|in here|stays here
between us|in therapy|research|studies|evidence|symptoms?|exposure|avoidance|trauma|attachment
boundar(y|ies)|cognitive|side effects?|milligrams?|supervisor|supervision
what i('m| am) paid for|my job (is|here)|my role|this room|tends? to|the more|the less
that's (how|why|called)|(quite|very|so|more) common
"""
"""Explaining: how people, minds and treatments work, and what the work has taught."""

GUIDING = r"""
i( will|'ll| would|'d| can|'m going to| am going to) (\w+ )?(show|explain|suggest|propose|recommend
    |like|invite|bring|write|send|give you|wait|stay|rather|say (a|one|something)|ask you|help you
    |make a note)
i (suggest|propose|recommend|invite|prescribe|wonder|notice|imagine|hear|appreciate|admire|respect)
i('m| am) (going to|moved|touched|staying|wondering|curious|impressed|interested in|glad (you|that you))
i (don't|won't|can't|cannot) (promise|give advice|decide|tell you (what|how)|have (an|the) answer
    |answer that)
i('ve| have) (seen|worked|known|learned|done this|sat with|met)|i tell you (this|that|it)
i (drew|looked at|printed|prepared|made|wrote) (this|your|you|out|a|the)|i (would|'d) guess
i (see|saw|meet|hear) (it|that|this)( a lot| often| every)?|i('ve| have)? work(ed)? (with|mostly|as|here)
my (suggestion|proposal|advice|sense|impression|role|task|rule|hope|idea)
in my (experience|work|training|practice|view)|as a (therapist|doctor)|i (was )?trained
here is|here's (what|how|the|my|an)|that is what|that's what (i'm|we|this)
(good|fair|honest|real|right|important|big) question|makes you ask|you('re| are) asking
you ask (me|whether|if)|without (any )?(judg|hurry|rush)\w*|no (hurry|rush)
both of you|you (two|both)|the two of you|(one|each) of you|for both
(shall|should|could|can|may) we|how about|what if we|let me|if you (like|want|agree|feel ready)
would it be (all right|okay|ok|helpful|possible)|we (have|need) to (stop|finish|end)|before we
it (might|may|could|would) (be )?(help\w*|worth|good|useful)
you (could|might|can) (try|write|start|say|notice|ask)
"""
"""Offers, plans and answers of someone who leads the work."""

INSTRUCTIONS = r"""
(please |now |and |so |then |just |maybe |let's say |first )*(put|let|breathe|close|open|notice
    |imagine|picture|try|write|take|hold|stay|keep|pick|choose|look at|give|bring|remember|feel
    |start|go back|back to|pay|allow|ask yourself|say it|tell (him|her|them|each)|see if
    |think of|count|come back|begin|sit|stand)\b(?! it easy)
"""
"""How a sentence begins that tells the other what to do."""

REFLECTING = r"""
^(so |and |but |then |or |maybe |perhaps |yes,? |okay,? |mm,? )*you (felt|feel|wanted|want|wish
    |wished|were|are|have|had|missed|noticed|found|managed|kept|did|took|heard|let|carry|carried
    |needed|need|learned|hoped|miss|sound|seem|would like|put|gave|left|went|came|stayed|drew
    |nodded|love|loved|knew)
^(so |and |but |maybe |perhaps |yes,? )*you('re| are|'ve| have
    |'d) (been |not |also |both )?(carrying|asking|saying|describing|telling|afraid|torn|trying
    |holding|fighting|left|like|drawn|done|already|protecting|very|allowed|tired|angry)
(that|it|this|which) (must|sounds|seems|looks|has|can|may
    |might) (have |be |feel |get |like )?\w+
what you('re| are|'ve| have| just| describe)?
(i|we) (hear|see) (that |how )?(you|the|both)
part of you|somewhere (in|under)
"""
"""Giving back what the other said or did. ^ is the beginning of a sentence."""

OWN_LIFE = r"""
my (\w+ )?(mother|father|mum|mom|mummy|dad|daddy|parents|brother|sister|son|daughter|kids?|child
    |children|husband|wife|boyfriend|girlfriend|partner|fiancee?|cousin|uncle|aunt|grandmother
    |grandfather|gran|grandma|grandpa|in-laws|ex|family|friends?|mates?|baby|dog|cat|boss
    |manager|colleagues?|job|shift|team|doctor|landlord|neighbours?|neighbors?|roommate|flatmate
    |teacher|professor|coach|house|home|flat|apartment|room|bed|kitchen|phone|car|head|stomach
    |chest|throat|heart|hands?|knees?|legs?|back|fingers|mind|life|fault|birthday|wedding
    |pills?)
(?<!your )(?<!his )(?<!her )(mum|mom|dad)
on (mon|tues|wednes|thurs|fri|satur|sun)day( night| morning| evening)?
(last|yesterday|this) (night|morning|evening)
ex-(husband|wife|boyfriend|girlfriend)|stepfather|stepmother|stepson|nephew|niece|grand(son
    |daughter|children)|nurser(y|ies)|kindergarten|homework|essay|deadline|interview|invoice
    |insurance|pension|garden|garage|stairs|fridge|laundry|dishes|dinner|breakfast|lunch|supper
    |birthday|holiday|flight|airport|driving licence|ambulance|emergency room|scan|chemo
    |miscarriage|custody|lawyer|court
me and my|at (work|school|the office)|in bed|yesterday|divorce|hospital|operation|mortgage
debts?|loan|rent|exams?|funeral|grave|police|drugs|wine|beer|vodka|drink(ing)?|weed|alcohol|bus
train|kitchen|bathroom|toilet|sofa|canteen|office|school|university|work|shift|supermarket
wedding|christmas|party|salary|redundancy|sacked|fired|boss|mother-in-law|husband|wife|money
bank|phone|tv|television|facebook|instagram|whatsapp|surgery|pregnant|pregnancy|army|job
"""
"""People, places and times of one's own life."""

FEELINGS = r"""
i (really |just |still |simply )?(can't|can not|cannot|couldn't|could not|can hardly|can barely)
i (really |just |still )?don't (even |really )?know
i('m| am| was|'ve been| have been| feel| felt| get
    | got) (so |really |just |too |still |always |such |a bit |completely |very |not |all |even )*(tired
    |exhausted|scared|afraid|frightened|ashamed|angry|lonely|stupid|sad|depressed|anxious|nervous
    |worried|embarrassed|guilty|overwhelmed|numb|alone|crazy|a mess|a failure|an idiot|a fool|fool
    |sick|lost|stuck|useless|terrified|jealous|hopeless|furious|shaking|crying|burned out|drowning
    |better|worse|hiding|awake|glad|happy|relieved|proud|excited|okay|fine|bad|terrible|awful|calm)
i (feel|felt) (like|that|as|it|so|nothing)|i (nearly|almost)|i (woke|wake) up
i (hate|hated|cried|panicked|froze|snapped|shouted|screamed|exploded|drank|lied|slept|dreamed|dreamt)
i (just |really )?(didn't|don't) (even |really )?(want|sleep|eat|dare|trust|care|feel|talk|deserve
    |understand)
i (ate|sat|stood|went|drove|walked|came|got|lie|lay|ran) (home|out|up|there|to|on|in|by|down|until
    |away|awake)
i('ve| have) (lost|ruined|messed|tried everything|had enough)|i've been \w+ing|i gave up
can't (stop|sleep|breathe|cope|take it|face|stand)|it (hurts?|aches?)|trembling|pounding
i (miss|missed|regret|envy|resent|blame|ignored|avoided|pretended|hid|yelled|threw|broke|begged|lost
    |quit|never|always|guess|suppose|swear)
i (thought|was sure) (i|that i|he|she|they|it)|i wish i|i should('ve| have|n't)|i (had|have) to
it('s| is| was) (all )?(my fault|hopeless|pointless|awful|terrible|horrible|unbearable|embarrassing
    |humiliating)
leave me alone|(sick|fed up|tired) (of|with)|(afraid|scared) (of|that)|ashamed of
i (keep|kept) \w+ing|wrong with me|(nobody|no one|everybody|everyone)|since (the|my|she|he|then)
"""
"""How one is, and what one can't do, did and lost."""

COLLOQUIAL = r"""
oh|god|ha|haha|wow|yeah|yep|nah|ugh|exactly|honestly|obviously|literally|anyway|whatever|damn|hell
bloody|stupid|idiot|ridiculous|crazy|right\?|i mean|kind of|sort of|totally|actually|really|seriously
you know|believe me|apparently|somehow|the thing is|come on|pathetic|loser|stuff|crap|shit|fuck\w*
"""
"""Words of someone who is not at work."""

REPORTED = r"""
(?<!should )(?<!can )(?<!could )(?<!do )(?<!does )(?<!did )(?<!will )(?<!would )(i|he|she|they
    |everyone|everybody|nobody|people|(my|his|her) (\w+ )?\w+|(?<!your )(mum|mom|dad))('d)? ((just
    |always|then|only|actually|never|even|also|still|once|all|would|will|keeps?|kept|was
    |is) ){0,2}(said|says|saying|say|told|tells|telling|tell|asked|asks|asking|ask|goes|shouted
    |yelled|screamed|texted|wrote|explained|complained|thought)(?! (you|so)\b)
(he|she|they)('s|'re| was| were) like
"""
"""Where somebody's words begin that are told. The rest of the utterance is taken for theirs."""

TOWARDS_THERAPIST = r"""
(like|as) you (said|told|showed|suggested|asked|taught|explained|wanted)
what you (said|told me|suggested|asked)
you (told|asked|wanted|taught|showed|helped|saved|gave|made|advised) me
(exercise|homework|sheet|list|book|page|breathing|thing) (that )?you (gave|told|showed|asked
    |recommended|wanted)
since i (started|began) (coming|seeing|talking|therapy)
i (did|tried|wrote|practised|practiced|filled|kept|brought) (the |it|that |my |out )?(exercise
    |homework|diary|breathing|list|letter|down|what)?
you don't (care|understand|listen|get it|know|even|tell|want|have to)
you (forgot|promised|laughed|yawned|cancelled|canceled)
you (didn't|won't|wouldn't|haven't) (call|even|listen|write|answer|remember|say|tell|ask
    |understand|help)
you said (you|that you|it|we) (would|wouldn't|will|could)
you look(ed)? (\w+ )?(tired|different|at (your|the))
you('re| are) (just|all|not (even )?(listening|helping)|supposed|like (my|all|everyone)|paid
    |the (expert|doctor|therapist|professional|first|only)|funny|lucky)
you (should|ought to|need to) (take|know|sell|see|have|get|try)
you know (how|what|that|everything)
you (get|wake|lie|end|start|feel|sit|go|come|put|swear|stop|think) (up|there|down|like|such|home
    |in|on|back|out|that|you)
thanks to you|(come|came|coming|being) here|you (never|always|only|just)
you (sit|sat) (there|here)|you have no (idea|right)
"""
"""What the therapist gave, said or failed to do; and the you that means oneself."""

THIRD = r"""
(he|she|him|her|his|hers|they|them|their)('s|'d|'ll|'re|'ve)?
"""
"""Words for someone who is neither of the two."""

ASKS = r"""
(how|what|why|when|where|who|which)( \w+){0,2} (do|did|does|is|are|was|were|would|have|has|had
    |can|could|will|should|goes|makes|made|happens|happened|comes|came)
(can|could|would|will|do|did|are|were|have|had) you
(is|was|are|were) there|tell me
"""
"""How a question begins, where the recogniser writes no question mark."""

YES_OR_NO = r"""
(is|was|are|does|do|did|will|would|can|could|has|have|who)(?! you\b)
"""
"""How a question begins that asks for information."""
