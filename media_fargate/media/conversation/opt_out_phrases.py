"""How people ask never to be called again: patterns by language (`spoken_phrases.Phrases`), by clause or sentence.

`asks` must mean the calls, not a name ("stop calling me that"), and for good, not `for_now`; `asks_alone` means it only
when the sentence says no more. What `denies` finds is said of somebody else, or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_EN_END = r"(?: (?:again|any ?more|ever|please|now|already|immediately|at (?:this|work|home|all|my)|on (?:this|my)|every|all|i|i m|or|and|this|you|about|because|it s|from|for|thank|thanks|here|with|just|we)\b|$)"


@dataclass(frozen=True)
class OptOut:
    """One language: how it is asked for, and what the agent confirms it with."""

    confirmation: str
    asks: tuple[str, ...]
    asks_alone: tuple[str, ...] = ()
    denies: tuple[str, ...] = ()
    for_now: tuple[str, ...] = ()
    word_borders: bool = True


OPT_OUTS: Mapping[str, OptOut] = {
    "en": OptOut(
        "Of course. I have put your number on our do-not-call list, and we will not call you again. Goodbye.",
        asks=(
            r"(?:stop|quit) (?:calling|phoning|ringing|contacting|harassing|bothering)(?: me| us| here| this number| my number| my phone| my house)?"
            + _EN_END,
            r"(?:don t|dont|do not|never|not to)(?: you)?(?: ever)? (?:call|phone|ring|contact)(?: me| us| here| this number| my number| this house)? (?:again|any ?more|ever)",
            r"(?:take|remove|delete|get|strike|scratch|cross) (?:me|us|my number|my name|this number|our number|my details) (?:off|from|out of) (?:\w+ ){0,3}(?:lists?|database|system|records)",
            r"(?:my number|my name|me|us|i|be) (?:\w+ )?(?:removed|taken|deleted) (?:off|from|out of) (?:your|this|these|that|all|the call\w*) (?:\w+ ){0,3}(?:lists?|database|system|records)|not calling (?:me|us|here) (?:again|any ?more)",
            r"(?:put|add|place) (?:me|us|my number|this number) (?:on|to|onto) (?:\w+ ){0,3}do not call",
            r"(?:don t|dont|do not|no longer|never) (?:want|wish|like) (?:to (?:be|get) (?:called|contacted|phoned)|you to (?:call|contact|phone|ring) (?:me|us|here|this number)|you calling (?:me|us|here)|to (?:get|receive) (?:any |more |these |your |such ){0,2}calls|(?:any |these |your |more ){1,3}calls)"
            + _EN_END,
            r"(?:want|like|wish) to (?:opt out|unsubscribe)(?: of| from| please|$)|opt me out|unsubscribe me|unsubscribe(?: please)?$",
            r"lose (?:my|this) number|^(?:please )?no more calls",
        ),
        asks_alone=(
            r"(?:don t|dont|do not) (?:call|phone|ring|contact) (?:me|us|here|this number|my number)(?: please)?$",
        ),
        denies=(
            r"(?:don t|do not|never|not|won t|wouldn t|doesn t|can t|didn t|please don t) stop calling",
            r"(?:not|never|didn t|did not|isn t) (?:say\w*|said|ask\w*|mean\w*|tell\w*)",
            r"(?:tell|ask|told|asked) (?:him|her|my \w+) to",
            r"(?:he|she|my \w+) (?:should|must|has to|will|did)? ?(?:stop|stopped|keeps)",
        ),
        for_now=(
            r"before|until|till|after (?!this)\w+|today|tomorrow|tonight|this (?:week|morning|afternoon)|at night|so (?:early|late)|during|in the (?:morning|evening|afternoon)|right now|at the moment|on (?:sundays?|saturdays?|weekends?)",
        ),
    ),
    "nl": OptOut(
        "Natuurlijk. Ik heb uw nummer op onze bel-me-niet-lijst gezet en we bellen u niet meer. Tot ziens.",
        asks=(
            r"(?:bel|belt|bellen) (?:u )?(?:me|mij|ons|hier|dit nummer|mijn nummer)?(?: alstublieft)? ?(?:niet|nooit) (?:meer|weer|opnieuw)(?: op)?(?: (?:alstublieft|alsjeblieft|graag|a\.?u\.?b|ok|en|want|ik|hoor)\b|$)",
            r"(?:me|mij|ons|hier|dit nummer|mijn nummer|hierheen) (?:alstublieft )?(?:niet|nooit) meer (?:te |op te )?(?:bellen|opbellen|benaderen|bel|belt)",
            r"(?:niet|nooit) meer (?:\w+ ){0,3}(?:gebeld|benaderd|opgebeld)(?: worden| te worden| wil)?|^(?:alstublieft )?(?:niet|nooit) meer bellen",
            r"(?:stop|stoppen|ophouden|hou op|houd op|houdt u op|kap) (?:alstublieft )?(?:met|eens met) (?:me |mij |ons |hierheen )?(?:te )?(?:bellen|opbellen|lastigvallen|lastig te vallen)",
            r"(?:haal|halen|verwijder|verwijderen|schrap|schrappen|gooi|wis) (?:u )?(?:me|mij|ons|mijn nummer|mijn naam|dit nummer|mijn gegevens)(?: alstublieft)? (?:van|uit|af van) (?:\w+ ){0,2}\w*(?:lijst|lijsten|bestand|systeem|database)",
            r"(?:me|mij|ons|mijn nummer|mijn gegevens) (?:van|uit) (?:\w+ ){0,2}\w*(?:lijst|bestand|systeem|database) (?:te )?(?:halen|verwijderen|schrappen)",
            r"(?:op|in) (?:\w+ ){0,2}bel me niet|(?:wil|moet) van (?:die|uw|jullie|deze) (?:\w+ )?\w*lijst af",
        ),
        denies=(
            r"(?:niet|nooit) (?:gezegd|gevraagd|bedoeld|zeggen)|(?:zeg|vraag|zei) (?:hem|haar|tegen)|stop niet|niet stoppen",
        ),
        for_now=(
            r"vandaag|vanavond|morgen|voor \w+ uur|na \w+ uur|zo (?:vroeg|laat)|s (?:avonds|nachts|ochtends)|deze week|tijdens|nu even|in het weekend",
        ),
    ),
    "de": OptOut(
        "Selbstverständlich. Ich habe Ihre Nummer gesperrt, wir rufen Sie nicht mehr an. Auf Wiederhören.",
        asks=(
            r"(?:rufen?|ruft) (?:sie )?(?:bitte )?(?:mich|uns|hier|diese nummer|meine nummer)(?: bitte)? (?:nicht|nie) (?:mehr|wieder|noch einmal|nochmal)(?: unter dieser nummer)? ?an",
            r"(?:hören|hör|hört) (?:sie )?(?:bitte |endlich )?auf (?:mich |uns |hier |ständig ){0,2}(?:anzurufen|zu belästigen)",
            r"(?:möchte|will|wollen|möchten|wünsche|wünschen) (?:\w+ ){0,3}(?:nicht mehr|keine|nie wieder|nie mehr) (?:\w+ ){0,3}(?:angerufen|kontaktiert|anrufe)",
            r"(?:streichen|streich|löschen|lösch|nehmen|nimm|entfernen|entfern) (?:sie )?(?:bitte )?(?:mich|uns|meine nummer|meine daten|diese nummer|meinen namen)(?: bitte)? (?:von|aus) (?:\w+ ){0,2}\w*(?:liste|verteiler|datenbank|system|kartei)",
            r"(?:löschen|lösch) (?:sie )?(?:bitte )?meine nummer|meine (?:nummer|daten) (?:\w+ ){0,4}löschen|(?:mich|meine nummer) (?:nicht|nie) mehr (?:anzurufen|anrufen)|^keine (?:weiteren )?anrufe mehr|unterlassen sie (?:\w+ )?anrufe|nie wieder an(?:rufen)?$",
        ),
        denies=(r"nicht (?:gesagt|gemeint|gebeten|sagen)|hören sie nicht auf|(?:sag|sagen sie) (?:ihm|ihr|meine\w*)",),
        for_now=(
            r"heute|morgen|vor \w+ uhr|nach \w+ uhr|so (?:früh|spät)|abends|nachts|diese woche|während|am wochenende|gerade",
        ),
    ),
    "fr": OptOut(
        "Bien sûr. J'ai ajouté votre numéro à notre liste d'opposition, nous ne vous appellerons plus. Au revoir.",
        asks=(
            r"(?:m|me|nous) (?:appelez|appelle|appeler|rappelez|rappelle|contactez|téléphonez) (?:plus jamais|plus|jamais plus)(?: (?:s il|svp|merci|jamais|à|sur ce|je|ok|du tout)\b|$)|(?:ne )?plus (?:jamais )?(?:m|me|nous) (?:appeler|contacter|téléphoner)",
            r"(?:arrêtez|arrête|cessez|cesse|arrêter) de (?:m |me |nous )?(?:appeler|téléphoner|contacter|harceler|déranger)(?: (?:s il|svp|merci|sur|tout|à|maintenant|je)\b|$)",
            r"(?:retirez|enlevez|supprimez|effacez|rayez|retirer|enlever|supprimer|effacer)(?: moi| nous)?(?: mon numéro| mes coordonnées| mon nom)? (?:de|des) (?:\w+ ){0,2}(?:listes?|fichiers?|base|bases|système)",
            r"(?:veux|souhaite|voulons|désire) plus (?:être|que vous|que l on|qu on|recevoir) (?:\w+ ){0,3}(?:appelée?s?|contactée?s?|appeliez|appelle|contactiez|appels?)",
            r"plus d appels",
        ),
        denies=(r"(?:pas|jamais) (?:dit|demandé|voulu)|n arrêtez pas|(?:dis|dites) lui",),
        for_now=(
            r"aujourd hui|demain|avant|après|ce soir|si (?:tôt|tard)|cette semaine|le (?:matin|soir|week end|dimanche)|pendant",
        ),
    ),
    "es": OptOut(
        "Por supuesto. He añadido su número a nuestra lista de exclusión y no volveremos a llamarle. Adiós.",
        asks=(
            r"no (?:me|nos) (?:llame|llames|llamen|contacten?|molesten?|telefoneen?)(?: \w+)? (?:más|nunca más|otra vez|de nuevo|nunca)(?: (?:por favor|a este|gracias|ok|en)|$)",
            r"no (?:me |nos )?(?:vuelva|vuelvan|vuelvas) a (?:llamar|contactar|molestar)(?:me|nos)?(?: (?:por|más|nunca|a este|gracias|jamás)\b|$)|nunca más me llamen?",
            r"(?:deje|dejen|deja|dejad|pare|paren) de (?:llamarme|llamarnos|llamar|molestarme|contactarme|molestar)(?: (?:por|ya|a|todos|cada|gracias|de una)\b|$)",
            r"(?:quíteme|quítenme|bórreme|bórrenme|elimíneme|elimínenme|sáqueme|sáquenme|quitarme|borrarme|borren?|eliminen?|quiten?|saquen?)(?: mi número| mis datos| mi nombre)? de (?:\w+ ){0,2}(?:listas?|base|sistema)",
            r"no quiero (?:más llamadas|recibir (?:\w+ )?llamadas|que me (?:llamen?|contacten?|vuelvan a llamar)(?: (?:más|nunca|otra vez)\b|$))",
        ),
        denies=(r"no (?:he dicho|dije|pedí|digo)|no (?:dejen?|pare)|(?:dile|dígale)",),
        for_now=(
            r"hoy|mañana|antes|después|esta (?:semana|noche|tarde)|tan (?:temprano|tarde|pronto)|por la|los domingos|durante",
        ),
    ),
    "it": OptOut(
        "Certamente. Ho inserito il suo numero nella lista di esclusione, non la chiameremo più. Arrivederci.",
        asks=(
            r"non (?:mi |ci )?(?:chiami|chiamate|chiamare|chiamatemi|chiamarmi|richiami|richiamate|contattate|contattatemi|telefonate|telefonatemi|contatti)(?: mai)? (?:più|mai più)(?: (?:per|a questo|grazie|ok)|$)",
            r"(?:smettete|smettetela|smettila|smetta|la smetta|smetti|basta|finitela) (?:di |con )?(?:chiamarmi|chiamarci|chiamare|telefonarmi|telefonare|disturbarmi|le telefonate|le chiamate)(?: (?:per|a|ogni|continuamente|sempre|grazie)\b|$)",
            r"(?:toglietemi|mi tolga|cancellatemi|mi cancelli|rimuovetemi|mi rimuova|togliermi|cancellarmi|cancellate|tolga|rimuova|togliete|cancelli|rimuovete)(?: il mio (?:numero|nome)| i miei dati)? (?:dalla|dalle|dal|dai|da) (?:\w+ ){0,2}(?:list[ae]|elenchi|elenco|database|sistema)",
            r"non voglio (?:più )?(?:essere (?:chiamat\w|contattat\w)|ricevere (?:\w+ ){0,2}(?:chiamate|telefonate)|che mi (?:chiami\w*|telefoni\w*|contatti\w*)(?: più|$))",
        ),
        denies=(r"non (?:ho detto|dicevo|ho chiesto)|non smett\w+|(?:digli|dille|gli dica)",),
        for_now=(
            r"oggi|domani|prima|dopo|stasera|questa settimana|così (?:presto|tardi)|di (?:sera|mattina|notte)|durante|la domenica",
        ),
    ),
    "pt": OptOut(
        "Com certeza. Coloquei o seu número na nossa lista de bloqueio e não ligaremos mais. Até logo.",
        asks=(
            r"(?:não|nunca) (?:me |nos )?(?:ligue|liguem|liga|telefonem?|contactem?|contatem?|ligar)(?: me)?(?: mais| nunca mais| outra vez| de novo)(?: (?:por|para|obrigad\w|ok|aqui)\b|$)|nunca mais (?:me )?(?:liguem?|telefonem?)",
            r"não (?:me )?volte\w* a (?:me )?(?:ligar|telefonar|contactar)",
            r"(?:pare|parem|deixem?|para) de (?:me |nos )?(?:ligar|telefonar|contactar|incomodar)",
            r"(?:tirem?|retirem?|removam?|remova|apaguem?|excluam?|exclua|eliminem?|me tirem?|me remova|tirar|retirar|remover)(?: me)?(?: o)?(?: meu número| meu nome| meus dados| meu contacto)? (?:da|das|do|dos|dessa|desta|de) (?:\w+ ){0,2}(?:listas?|cadastro|base|sistema)",
            r"não quero (?:mais )?(?:receber (?:\w+ ){0,2}(?:ligações|chamadas|telefonemas)|ser (?:contactad\w|contatad\w|incomodad\w)|que (?:me )?liguem?(?: mais)?(?: para mim)?$)",
        ),
        denies=(r"não (?:disse|falei|pedi)|não (?:pare|parem) de|(?:diga|fala) (?:a|para) ele",),
        for_now=(
            r"hoje|amanhã|antes|depois|esta (?:semana|noite|tarde)|tão (?:cedo|tarde)|à noite|de manhã|durante|ao domingo",
        ),
    ),
    "pl": OptOut(
        "Oczywiście. Wpisałem Państwa numer na listę zastrzeżoną i nie będziemy więcej dzwonić. Do widzenia.",
        asks=(
            r"nie (?:dzwonić|dzwoń|dzwońcie|dzwoni)(?: do mnie| do nas| tu| tutaj| pod ten numer)? (?:więcej|już|nigdy|ponownie)(?: do mnie| do nas| nigdy| więcej| proszę)?$",
            r"(?:więcej|nigdy|już) (?:do mnie |do nas |tu ){0,1}nie (?:dzwonić|dzwoń|dzwońcie|dzwoni)",
            r"(?:przestań|przestańcie|przestać|przestanie|przestaną) (?:\w+ ){0,2}dzwonić",
            r"(?:usuńcie|usunąć|usuń|wykreślić|wykreślcie|skreślić|wypisać|wypiszcie) (?:mnie|mój numer|moje dane|nas|ten numer) (?:z|ze) (?:\w+ ){0,2}(?:listy|bazy|systemu)",
            r"nie (?:chcę|życzę sobie|życzymy sobie) (?:\w+ ){0,3}(?:telefonów|dzwonili|dzwoniono|dzwonił|dzwoniła|połączeń)",
        ),
        denies=(r"nie (?:mówię|powiedziałem|powiedziałam|prosiłem|prosiłam)|nie przestawaj\w*",),
        for_now=(r"dzisiaj|dziś|jutro|przed|po \w+|wieczorem|rano|tak (?:wcześnie|późno)|w nocy|teraz|w weekend",),
    ),
    "ru": OptOut(
        "Конечно. Я внёс ваш номер в список запрета, мы больше не будем вам звонить. До свидания.",
        asks=(
            r"(?:больше|никогда)(?: больше)? (?:\w+ ){0,2}не (?:звоните|звони|звонить|звонили|беспокойте)",
            r"не (?:звоните|звони|звонить|беспокойте) (?:\w+ ){0,2}(?:больше|никогда)",
            r"(?:перестаньте|хватит|прекратите|прекращайте|перестань|прекратить) (?:мне |нам |сюда )?(?:звонить|названивать|беспокоить)",
            r"(?:удалите|уберите|исключите|вычеркните|удалить|убрать) (?:меня|мой номер|мои данные|нас|этот номер) (?:из|с) (?:\w+ ){0,2}(?:списк\w+|баз\w+|рассылк\w+)",
            r"не (?:хочу|желаю|хотим) (?:\w+ ){0,3}(?:звонков|звонки|звонили)",
        ),
        denies=(r"не (?:говорил\w*|просил\w*|сказал\w*)|не переставай\w*|(?:скажите|скажи) (?:ему|ей)",),
        for_now=(
            r"сегодня|завтра|до \w+ (?:часов|утра)|после|вечером|ночью|так (?:рано|поздно)|утром|в выходные|сейчас",
        ),
    ),
    "ja": OptOut(
        "かしこまりました。お客様の番号を発信停止リストに登録しました。今後はお電話いたしません。失礼いたします。",
        asks=(
            r"(?:もう|二度と|今後は?|これ以上)\w{0,6}(?:電話|連絡)\w{0,6}(?:ないで|控えて|やめて)",
            r"(?:電話|連絡)\w{0,8}(?:のを|のは|を)(?:もう)?やめて",
            r"(?:リスト|名簿|データベース)から\w{0,12}(?:削除|外して|消して|除外|抜いて)",
        ),
        denies=(r"やめてほしいわけではない|とは言ってい?ない",),
        for_now=(r"今日|明日|今は|今週|夜|朝|\d+時",),
        word_borders=False,
    ),
}
